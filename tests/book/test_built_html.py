"""The built book: complete, readable by all, and asking for nothing outside.

`make book` builds it; these tests read `book/_build/html`, or the folder named by
MEDVAE_BOOK_HTML, as files and through a headless Chromium where there is one.
"""

import ast
import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from browser import Browser, find_browser, serve
from bs4 import BeautifulSoup

from book import probes

PHONE_PX = 390
SENTENCE = 20  # characters that an alternative text has at least
RAW_TEX = re.compile(r"\$[^\s$][^$]*\$|\$\$|\\\(|\\\[|\\begin\{|\\frac|\\sum")
LOADING = ("stylesheet", "preload", "modulepreload", "icon", "manifest", "prefetch")


@functools.cache
def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


@functools.cache
def anchors(page: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in read(page).find_all(id=True))


@pytest.fixture(scope="session")
def html(root) -> Path:
    folder = Path(os.environ.get("MEDVAE_BOOK_HTML", root / "book/_build/html"))
    if not (folder / "index.html").is_file():
        pytest.fail(f"there is no book in {folder}: run `make book` first")
    return folder


@pytest.fixture(scope="session")
def pages(html) -> list[Path]:
    found = sorted(html.rglob("*.html"))
    return [p for p in found if "_static" not in p.relative_to(html).parts]


@pytest.fixture(scope="session")
def articles(pages, html) -> list[Path]:
    """Pages with text of the course; the library's sources are left out."""
    return [p for p in pages if p.relative_to(html).parts[0] != "_modules"]


@pytest.fixture(scope="session")
def toc(root) -> list[str]:
    """Every file of the table of contents."""
    text = (root / "book/_toc.yml").read_text("utf-8")
    names = []

    def walk(entry) -> None:
        if isinstance(entry, dict):
            names.extend(v for k, v in entry.items() if k in {"root", "file"})
            for value in entry.values():
                walk(value)
        elif isinstance(entry, list):
            for value in entry:
                walk(value)

    walk(yaml.safe_load(text))
    return names


@pytest.fixture(scope="module")
def browser():
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium on the PATH: the pages are not tried in a browser")
    with Browser(executable) as browser:
        yield browser


def requested(page: Path) -> list[str]:
    """Addresses that the page's markup makes a browser load."""
    soup = read(page)
    found = [tag[k] for k in ("src", "poster") for tag in soup.find_all(**{k: True})]
    found += [tag["data"] for tag in soup.find_all("object", data=True)]
    found += [tag["srcset"] for tag in soup.find_all(srcset=True)]
    found += [
        tag["href"]
        for tag in soup.find_all("link", href=True)
        if set(tag.get("rel", [])) & set(LOADING)
    ]
    styles = [tag.get_text() for tag in soup.find_all("style")]
    styles += [tag["style"] for tag in soup.find_all(style=True)]
    return found + re.findall(r"url\(['\"]?([^'\")]+)", " ".join(styles))


def is_outside(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme not in {"", "data"}


def test_pages_ask_for_nothing_outside(html, pages):
    outside = [
        f"{page.relative_to(html)}: {address}"
        for page in pages
        for address in requested(page)
        if is_outside(address)
    ]
    for sheet in html.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.DOTALL)
        wanted = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", text)
        outside += [f"{sheet.name}: {a}" for a in wanted if is_outside(a)]
    assert not outside


def test_pages_have_a_title_and_a_language(html, pages):
    poor = [
        str(page.relative_to(html))
        for page in pages
        if not read(page).title.get_text(strip=True) or not read(page).html.get("lang")
    ]
    assert not poor


def test_images_have_a_sentence(html, articles):
    poor = []
    for page in articles:
        for image in read(page).select(".bd-article img"):
            alt = image.get("alt", "")
            is_name = re.search(r"\.(png|svg|jpe?g)$", alt)
            if len(alt) < SENTENCE or " " not in alt or is_name:
                poor.append(f"{page.relative_to(html)}: alt {alt!r}")
        for drawing in read(page).select(".bd-article svg[role=img]"):
            if len(drawing.desc.get_text()) < SENTENCE or not drawing.title:
                poor.append(f"{page.relative_to(html)}: drawing without description")
    assert not poor


def test_mathematics_is_never_raw(html, articles):
    raw = []
    for page in articles:
        soup = read(page)
        if soup.select(".math"):
            scripts = [tag["src"] for tag in soup.find_all("script", src=True)]
            mathjax = [s for s in scripts if "mathjax/" in s]
            if not mathjax or not (page.parent / urlsplit(mathjax[0]).path).is_file():
                raw.append(f"{page.relative_to(html)}: no MathJax beside it")
        for text in soup.body.find_all(string=RAW_TEX):
            if not text.find_parent(["script", "style", "pre", "code"]):
                if not text.find_parent(class_="math"):
                    raw.append(f"{page.relative_to(html)}: {text.strip()[:60]!r}")
    assert not raw


def test_internal_links_resolve(html, pages):
    broken = []
    for page in pages:
        wanted = [tag["href"] for tag in read(page).find_all("a", href=True)]
        wanted += [a for a in requested(page) if not a.startswith("data:")]
        for address in set(wanted):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            target = (page.parent / unquote(parts.path)).resolve()
            target = page if not parts.path else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                broken.append(f"{page.relative_to(html)} -> {address}: no such file")
            elif target.suffix == ".html" and anchor and anchor not in anchors(target):
                broken.append(f"{page.relative_to(html)} -> {address}: no such place")
    assert not broken


def test_search_index_knows_every_page(html, toc):
    index = (html / "searchindex.js").read_text("utf-8")
    assert not [name for name in toc if f'"{name}"' not in index]


def test_contents_and_pages_agree(html, toc):
    assert not [name for name in toc if not (html / f"{name}.html").is_file()]
    assert not list(html.glob("chapters/*")), "sources must not become pages"


def test_solutions_are_folded_and_complete(articles):
    exercises, solved = set(), set()
    for page in articles:
        exercises |= {tag["id"] for tag in read(page).select("div.exercise[id]")}
        for solution in read(page).select("div.solution"):
            assert "dropdown" in solution["class"]
            link = solution.select_one(".admonition-title a")
            solved.add(urlsplit(link["href"]).fragment)
    assert exercises == solved


def test_map_shows_what_is_written(root, toc):
    written = {m[1] for name in toc if (m := re.match(r"notebooks/(\d\d)_", name))}
    for drawing in ("map_wide.svg", "map_narrow.svg"):
        text = (root / "book/figures" / drawing).read_text("utf-8")
        stations = BeautifulSoup(text, "html.parser").select("g.written .number")
        assert {station.get_text() for station in stations} == written


def test_verdict_on_the_landing_page_is_real(html, articles):
    shown = re.search(r"✓ C\d\d\.\d+ .+", read(html / "index.html").get_text())[0]
    assert any(shown in read(p).get_text() for p in articles if p.name[:2].isdigit())


def has_public_code(file: Path) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
        for node in ast.parse(file.read_text("utf-8")).body
    )


def test_library_pages_name_every_module(root, articles):
    shown = {a for p in articles if p.parent.name == "api" for a in anchors(p)}
    missing = []
    for room in ("ct", "models", "evaluate", "teach"):
        for file in sorted((root / "medvae_course" / room).rglob("*.py")):
            name = ".".join(file.relative_to(root).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            has_answers = ".exercises.chapter_" in name
            if has_public_code(file) and not has_answers:
                missing += [name] if f"module-{name}" not in shown else []
    assert not missing, "add them to book/api/*.md"


def test_address_of_the_repository_stands_once(root):
    config = (root / "book/_config.yml").read_text("utf-8")
    address = yaml.safe_load(config)["repository"]["url"]
    assert config.count(address) == 1
    sources = [*(root / "book").glob("*.md"), *(root / "book").glob("*/*.md")]
    assert not [p.name for p in sources if address in p.read_text("utf-8")]


def test_glossary_is_long_enough(html):
    assert len(read(html / "glossary.html").select("dl.glossary > dt")) >= 40


# ---- in a browser ----


@dataclass(frozen=True)
class Visit:
    """What one page showed on a phone and, for its colours, on a screen."""

    name: str
    outside: list[str]
    failures: list[str]
    raw_math: list[str]
    open_solutions: list[str]
    width_px: int
    too_wide: list[str]
    faint: dict[str, list[str]]


def visit(browser: Browser, address: str, name: str) -> Visit:
    browser.size(PHONE_PX)
    browser.open(address + name)
    own = (address, "data:", "blob:")
    seen = {
        "outside": [url for url in browser.requests if not url.startswith(own)],
        "failures": list(browser.failures),
        "raw_math": browser.evaluate(probes.RAW_MATH),
        "open_solutions": browser.evaluate(probes.OPEN_SOLUTIONS),
        "width_px": browser.evaluate(probes.WIDTH),
        "too_wide": browser.evaluate(probes.TOO_WIDE),
    }
    faint = {}
    for mode in ("light", "dark"):
        browser.size(1300, dark=mode == "dark")
        if browser.evaluate(probes.THEME) != mode:
            raise RuntimeError(f"{name} did not turn {mode}")
        faint[mode] = browser.evaluate(probes.FAINT_TEXT)
    return Visit(name, faint=faint, **seen)


@pytest.fixture(scope="module")
def visits(browser, html, articles, pages) -> list[Visit]:
    """All pages of the book, and two of the library's sources, which are all alike."""
    sources = [page for page in pages if page not in articles][:2]
    with serve(html) as address:
        return [
            visit(browser, address, page.relative_to(html).as_posix())
            for page in articles + sources
        ]


def test_browser_asks_for_nothing_outside(visits):
    assert not {v.name: v.outside for v in visits if v.outside}
    assert not {v.name: v.failures for v in visits if v.failures}


def test_mathematics_is_typeset(visits):
    assert not {v.name: v.raw_math for v in visits if v.raw_math}


def test_solutions_open_by_a_click_only(visits):
    assert not {v.name: v.open_solutions for v in visits if v.open_solutions}


def test_pages_fit_a_phone(visits):
    assert not {
        v.name: (v.width_px, v.too_wide) for v in visits if v.width_px > PHONE_PX
    }


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_its_ground(visits, mode):
    assert not {v.name: v.faint[mode] for v in visits if v.faint[mode]}


def test_search_finds_a_term(browser, html):
    with serve(html) as address:
        browser.open(f"{address}search.html?q=Hounsfield")
        assert "Notation" in browser.evaluate(probes.FOUND)


def test_book_opens_from_disk(browser, html):
    for name in ("index.html", "notation.html"):
        browser.open((html / name).as_uri())
        assert all(url.startswith(("file:", "data:")) for url in browser.requests)
        assert browser.evaluate("document.styleSheets.length") > 3
        assert not browser.evaluate(probes.RAW_MATH)
    assert browser.evaluate("document.querySelectorAll('mjx-container').length") > 20
