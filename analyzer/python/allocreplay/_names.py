"""Names of functions as short as they still say which, for labels: arguments of templates and functions fill lines."""

from __future__ import annotations

import re

# What parts a function from its caller where a stack stands on a line.
_CALLER = " < "

# Longer names are read up to here, characters.
_READ_MAX = 2000

# Operators whose names have brackets of their own.
_OPERATOR = re.compile(r"(?<!\w)operator *(\(\)|\[\]|->\*?|<=>|<<=?|>>=?|<=?|>=?)")

_QUALIFIER = re.compile(r"( (const|volatile|noexcept)| ?&&?)+(?=::|$)")


def short_name(name: str) -> str:
    """A function's name without the arguments of templates and of functions, and without the type it returns.

    Brackets that are the name, as ``(anonymous namespace)`` and ``(*Server)`` are, stay, and so do those that nothing closes, unless the name was cut there.
    """
    if len(name) > _READ_MAX:
        name = name[: _READ_MAX - 1] + "…"
    short = _without_arguments(name)
    return name if short == name else _without_type(_QUALIFIER.sub("", short))


def labels(sites: list[tuple[str, str]], longest: int = 40) -> list[str]:
    """A label for each site, of its function and its stack: the function, and where others have its name, on a second line what tells it from them.

    That is a caller, behind ``<``, or what the function called to get the memory, behind ``>``. longest: characters of a line. Of a name that is longer the
    end is kept, which says more than its namespaces.
    """
    names = [_end(short_name(function), longest) for function, _ in sites]
    stacks = [[_end(short_name(frame), longest) for frame in text.split(_CALLER)] for _, text in sites]
    found = []
    for i, (name, stack) in enumerate(zip(names, stacks)):
        alike = [other for k, other in enumerate(stacks) if k != i and names[k] == name]
        found.append(name + (_teller(name, stack, alike, longest) if alike else ""))
    return found


def _teller(name: str, stack: list[str], alike: list[list[str]], longest: int) -> str:
    telling = (depth for depth in range(1, len(stack) + 1) if all(other[:depth] != stack[:depth] for other in alike))
    depth = next(telling, 1)  # what differs by arguments alone is told apart by nothing here
    distance = depth - 1 - (stack.index(name) if name in stack else len(stack))
    if distance == 0:
        return ""
    sign = ("< " if distance > 0 else "> ") if abs(distance) == 1 else "< … < " if distance > 0 else "> … > "
    return f"\n{sign}{_end(stack[depth - 1], longest - len(sign))}"


def _end(name: str, longest: int) -> str:
    return name if len(name) <= longest else "…" + name[1 - longest :]


def _without_arguments(name: str) -> str:
    short, at = "", 0
    while at < len(name):
        operator = _OPERATOR.match(name, at)
        end = _closing(name, at) if operator is None and name[at] in "<(" else -1
        if operator is not None:
            short += operator[0]
            at = operator.end()
        elif end < 0 or (name[at] == "(" and (short == "" or short.endswith(("::", ".", " ")))):
            end = max(end, at + 1)
            short += name[at:end]
            at = end
        else:
            # What a name begins with is no argument: a type of Rust, "<Vec<T> as Drop>::drop".
            short += "" if name[at] == "(" else "<…>" if at > 0 else f"<{_without_arguments(name[1 : end - 1])}>"
            at = end
    return short


def _closing(name: str, start: int) -> int:
    """The place behind the bracket that closes the one at a place, or -1. An arrow closes nothing, and neither does a comparison within parentheses.

    A name that was cut ends with dots: what is open there is closed by its end.
    """
    opened: list[str] = []
    for at in range(start, len(name)):
        c = name[at]
        if c in "<(":
            opened.append(c)
        elif c == ")":
            while opened and opened.pop() != "(":
                pass
        elif c == ">" and name[at - 1] != "-" and opened[-1] == "<":
            opened.pop()
        if not opened:
            return at + 1
    return len(name) if name.endswith("…") else -1


def _without_type(name: str) -> str:
    """The type stands before the last space outside of brackets, unless an operator's name has that space."""
    operator = re.search(r"\boperator\b", name)
    before = name if operator is None else name[: operator.start()]
    depth = start = 0
    for at, c in enumerate(before):
        depth += 1 if c in "<({[" else -1 if c in ">)}]" else 0
        if c == " " and depth == 0 and before[at + 1 : at + 2] != "[":
            start = at + 1
    return name[start:]
