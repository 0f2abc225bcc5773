"""A chapter with claims, a figure and an exercise, and its solutions."""

HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""
CHAPTER = (
    HEADER
    + """\
# Count to two

Look at the line.

```{code-cell} python
import base64

from IPython.display import display

from medvae_course.teach.claims import claim
```

```{code-cell} python
claim("C98.1", "one and one is two | really", 1 + 1 == 2)
claim("C98.2", "the gain is real", True, value=0.7, bound=0.5, unit="dB",
      interval=(0.6, 0.8), seed=0)
```

```{code-cell} python
:mystnb: {"figure": {"caption": "A dot.", "name": "fig-dot"}}
:tags: [hide-input]
alt = "A single dot is seen."
png = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklE"
       "QVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
display({"image/png": png, "text/plain": alt},
        metadata={"image/png": {"alt": alt}}, raw=True)
```

```{code-cell} python
# stub: E98.1
```
"""
)
SOLUTIONS = (
    HEADER
    + """\
# Solutions: count to two

```{code-cell} python
:tags: [solution]
# E98.1
def double(x):
    # begin solution
    return 2 * x
    # end solution


print(double(2))
```
"""
)
