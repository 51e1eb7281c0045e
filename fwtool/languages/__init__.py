"""What is shown, in the language of the reader. Translated at the edge, just before it is printed.

Messages are made in English wherever something is found, with their values filled in; nobody below knows of languages. The
catalogue (gettext, made with Babel by tools/languages.py) holds their templates, with a numbered place for each value.
"""

from fwtool.languages.translator import Translator, translator

__all__ = ["Translator", "translator"]
