"""What to ask a page in the browser: JavaScript expressions, each with one answer."""

# Width that the page takes, and the first elements of the article that are too wide.
WIDTH = "document.documentElement.scrollWidth"
TOO_WIDE = """
(() => {
  const right = box => {
    const { left, right } = box.getBoundingClientRect();
    return box.scrollWidth ? Math.max(right, left + box.scrollWidth) : right;
  };
  const scrolls = box =>
    ['auto', 'scroll', 'hidden'].includes(getComputedStyle(box).overflowX)
    && box.getBoundingClientRect().right <= innerWidth + 1;
  const tooWide = [...document.querySelectorAll('.bd-article, .bd-article *')].filter(
    element => {
      if (right(element) <= innerWidth + 1) return false;
      for (let box = element; box !== document.body; box = box.parentElement)
        if (scrolls(box)) return false;
      return true;
    });
  return tooWide.slice(-3).map(
    e => `${e.tagName} ${e.className}: ${e.textContent.slice(0, 50)}`);
})()
"""

# Places meant for mathematics that hold none, and expressions that MathJax refused.
RAW_MATH = """
[...document.querySelectorAll('.math')]
  .filter(place => !place.querySelector('mjx-container')
    || place.querySelector('mjx-merror'))
  .map(place => place.textContent.slice(0, 60))
"""

# Solutions that can be read without a click.
OPEN_SOLUTIONS = """
[...document.querySelectorAll('.solution')]
  .filter(box => [...box.children].slice(1).some(
    part => part.checkVisibility({opacityProperty: true, visibilityProperty: true})
      && part.getBoundingClientRect().height > 1
      && !part.matches('.toggle-button, .admonition-title, button')))
  .map(box => box.textContent.slice(0, 60))
"""

# The theme that the page has taken, once it follows what the system prefers.
THEME = """
new Promise(done => {
  const wanted = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const until = Date.now() + 5000;
  const look = () => {
    const taken = document.documentElement.dataset.theme;
    if (taken === wanted || Date.now() > until) done(taken);
    else setTimeout(look, 10);
  };
  look();
})
"""

# Text whose contrast to its ground is below WCAG AA: 4.5 : 1, or 3 : 1 for large text.
FAINT_TEXT = """
(() => {
  const channels = color => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const cache = new Map();
  const read = color => {
    if (!cache.has(color)) cache.set(color, channels(color));
    return cache.get(color);
  };
  const over = (top, below) =>
    [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const grounds = new Map([[null, [255, 255, 255, 1]]]);
  const ground = box => {
    if (!grounds.has(box)) {
      const own = read(getComputedStyle(box).backgroundColor);
      grounds.set(box, over(own, ground(box.parentElement)));
    }
    return grounds.get(box);
  };
  const luminance = color => color.slice(0, 3)
    .map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  document.getAnimations().forEach(animation => animation.finish());
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = new Map();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim()) continue;
    if (element.closest('svg, script, style, noscript')) continue;
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true}))
      continue;
    const style = getComputedStyle(element), below = ground(element);
    const color = over(read(style.color), below);
    const [dark, light] = [luminance(color), luminance(below)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if (ratio < needed)
      faint.set(element.tagName + '.' + element.className + ' ' + style.color,
        ratio.toFixed(2) + ' ' + walker.currentNode.data.trim().slice(0, 30));
  }
  return [...faint].map(([where, what]) => where + ': ' + what);
})()
"""

# Titles that the search page has found when it says that it is done.
FOUND = """
new Promise(done => {
  const until = Date.now() + 10000;
  const look = () => {
    const said = document.querySelector('#search-results p')?.textContent ?? '';
    const links = [...document.querySelectorAll('#search-results li a')];
    if (/found|did not match/i.test(said) || Date.now() > until)
      done(links.map(link => link.textContent));
    else setTimeout(look, 50);
  };
  look();
})
"""
