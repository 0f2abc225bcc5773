"""From arrays to models: losses in nats, autoencoders, variational autoencoders."""

from .epochs import end_without_autotuner

end_without_autotuner()
