"""Reads docs/guide.md: the frame of each language, and its snippets with what they print."""
import re

LANGUAGES = {"c": "C", "cpp": "C++", "csharp": "C#", "go": "Go", "js": "Node", "ruby": "Ruby", "rust": "Rust"}
TOKEN = re.compile(r"^## (?P<section>[^\n]*)$|^(?P<summary><details>)|^(?P<closed></details>)$|^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.M | re.S)


class Snippet:
    def __init__(self, section, body):
        self.section, self.body, self.expected = section, body, None


def read(path="docs/guide.md"):
    """The frames by language, and by language its snippets and what stands before `main` for them."""
    frames, snippets, functions = {}, {}, {}
    section, inside, group = None, False, {}

    def end_group(expected):
        if missing := [LANGUAGES[language] for language in frames if language not in group]:
            raise SystemExit(f"{path}, {section}: nothing in {', '.join(missing)}")
        for language, snippet in group.items():
            snippet.expected = snippet.expected or expected
            snippets.setdefault(language, []).append(snippet)
        group.clear()

    for token in TOKEN.finditer(open(path).read()):
        kind, body = token["kind"], token["body"]
        if token["section"]:
            if group:
                raise SystemExit(f"{path}, {section}: it does not say what its snippets print")
            section = token["section"]
        elif token["summary"] or token["closed"]:
            inside = bool(token["summary"])
        elif kind == "text" and inside:
            list(group.values())[-1].expected = body
        elif kind == "text":
            end_group(body)
        elif section is None:
            frames[kind] = body
        elif kind == "c" and body.startswith("static "):
            functions[kind] = functions.get(kind, "") + body + "\n"
        else:
            group[kind] = Snippet(section, body)
    return frames, snippets, functions
