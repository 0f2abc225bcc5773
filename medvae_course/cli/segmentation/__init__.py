"""The command `medvae-course segment`: train or load a segmenter, and use it.

A scan goes through these modules: `inputs` finds and reads it, `rules` compares it with
the training data, `slices` segments it, `outputs` writes what was found, and `pages`
shows it. `training` makes a segmenter; `model_folder` keeps it, with its card.
"""
