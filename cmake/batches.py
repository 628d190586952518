#!/usr/bin/env python3
"""Groups the sources of one library into batches that are compiled as one file each, and prints the batches' paths.

    batches.py FOLDER SOURCE...

A header is then parsed, and a template instantiated, once a batch instead of once a source, which is most of what a
build costs. Two sources share a batch only if neither uses a name that the other has for itself (in an unnamed
namespace, or by static or #define), so that sources need not know of each other. Which names those are is read from the
layout that clang-format gives: a declaration begins in the first column. A name too many costs a little time, no more.
"""
import pathlib
import re
import sys

SOURCES_MAX = 16  # a batch; more would save little and leave one processor waiting at the end

COMMENTS_AND_STRINGS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
WORD = re.compile(r"(?<![\w.:>])[A-Za-z_]\w*|(?<=[^-]>)[A-Za-z_]\w*")  # not members (x.y, x->y), not x::y
DECLARED = re.compile(r"\b([A-Za-z_]\w*)\s*[(={;\[]")
KEYWORDS = {"const", "constexpr", "noexcept", "override", "return", "if", "for", "while", "switch", "void", "operator",
            "sizeof", "decltype", "struct", "class", "enum", "union", "namespace", "template", "public", "private"}


class Source:
    def __init__(self, path):
        self.path = path
        text = COMMENTS_AND_STRINGS.sub(lambda found: '""' if found.group()[0] in "R\"'" else "", path.read_text())
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#include"))
        self.words = set(WORD.findall(code))
        self.own = self._own_names(code.splitlines())
        # Names that whole namespaces bring in may be ambiguous beside those that others bring in.
        self.namespaces = frozenset(re.findall(r"^using namespace ([\w:]+)", code, re.M))

    @staticmethod
    def _own_names(lines):
        names, unnamed, declaration = set(), False, ""
        for line in lines:
            names.update(re.findall(r"^\s*#\s*define (\w+)", line))
            if re.match(r"(?:inline )?namespace \{", line):
                unnamed = True
            elif unnamed and line.startswith("}  "):  # clang-format's "}  // namespace", now without its comment
                unnamed = False
            elif declaration or re.match(r"[A-Za-z_]" if unnamed else r"(?:template|static)\b", line):
                declaration += line + " "
                found = re.match(r"(?:template <.*> )?(?:struct|class|union|enum(?: class)?) (\w+)", declaration)
                declared = {found.group(1)} if found else set(DECLARED.findall(declaration))
                names |= declared
                if declared or re.search(r"[;{(]", declaration):
                    declaration = ""
        return names - KEYWORDS

    def goes_with(self, other):
        return (self.namespaces == other.namespaces and not self.own & other.words and not other.own & self.words)


def batches_of(sources):
    batches = []
    for source in sources:
        for batch in batches:
            if len(batch) < SOURCES_MAX and all(source.goes_with(other) for other in batch):
                batch.append(source)
                break
        else:
            batches.append([source])
    return batches


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, batch in enumerate(batches_of([Source(pathlib.Path(name)) for name in sys.argv[2:]])):
        path = folder / ("batch%02d.cpp" % number)
        text = "".join('#include "%s"\n' % source.path for source in batch)
        if not path.exists() or path.read_text() != text:  # else nothing is compiled anew
            path.write_text(text)
        paths.append(str(path))
    print(";".join(paths), end="")


if __name__ == "__main__":
    main()
