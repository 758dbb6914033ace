"""A lesson as HTML: Markdown by markdown-it, Python coloured by Pygments with class names, formulas as they are set."""

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer


def lesson_html(body: str) -> Markup:
    """The prose of a lesson. Lessons are ours; HTML in them would be shown as text all the same."""
    # What can be scrolled must be reachable by keyboard.
    return Markup(_markdown().render(body).replace("<pre", '<pre tabindex="0"'))


def python_html(text: str) -> Markup:
    """Python, coloured."""
    return Markup(_coloured(text))


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    def code(text: str, language: str, _: str) -> str:
        return _coloured(text) if language == "python" else ""

    return MarkdownIt("commonmark", {"html": False, "highlight": code}).enable("table")


def _coloured(text: str) -> str:
    # Beginning with <pre, it is taken as it is; else markdown-it would put one around it.
    return f'<pre class="python"><code>{highlight(text, PythonLexer(), HtmlFormatter(nowrap=True))}</code></pre>'
