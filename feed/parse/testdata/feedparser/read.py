"""Reads feeds with Universal Feed Parser and prints what the comparer needs of each.

Standard input names one file a line; standard output has one JSON object a line, in the same order.
Texts are reduced to what a difference of taste between two parsers leaves alone: white space,
markup and punctuation are no part of them.
"""

import calendar
import html
import json
import multiprocessing
import re
import sys
import urllib.parse

import feedparser

BASE = "https://corpus.example/feed"

# What an archive must not hand on: its text is no text of the article.
UNSHOWN = re.compile(r"(?is)<(script|style|iframe|noscript|template)\b.*?</\1\s*>")
# A frame goes out as a link to what it shows, under its title or its address.
FRAME = re.compile(r"(?is)<(iframe)\b([^>]*)>(?:.*?</iframe\s*>)?")
SCHEME = re.compile(r"(https?:)?//")
COMMENT = re.compile(r"(?s)<!--.*?(-->|$)|<!\[CDATA\[|\]\]>|<[!?].*?>")
TAG = re.compile(r"(?s)</?[a-zA-Z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>|</?[a-zA-Z][^>]*>")


def line(s):
    return re.sub(r"[\s\x80-\x9f]+", lambda m: " " if m.group().strip("\x80\x81\x8d\x8f\x90\x9d") else "", s or "").strip()


def stripped(s):
    return line(html.unescape(TAG.sub("", s or "")))


def frame(match):
    for name in ("title", "src"):
        value = re.search(r"(?is)\b%s\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)" % name, match.group(2))
        if value and value.group(1).strip("\"' "):
            return value.group(1).strip("\"'")
    return ""


def letters(detail, framed):
    value = detail.get("value") or ""
    if detail.get("type") == "text/plain":
        value = html.escape(value)
    if framed:
        value = FRAME.sub(frame, value)
    value = COMMENT.sub("", UNSHOWN.sub("", value))
    text = html.unescape(TAG.sub("", value))
    return re.sub(r"[\W_]+", "", SCHEME.sub("", text))


def address(s):
    """Returns an address as an absolute one with nothing but what RFC 3986 allows in it."""
    s = urllib.parse.urljoin(BASE, s.strip())
    s, hash, fragment = s.partition("#")
    kept = "%/:?=&;@!$'()*,+~"
    return urllib.parse.quote(s, safe=kept) + hash + urllib.parse.quote(fragment, safe=kept)


def moment(entry, name):
    if dict.__contains__(entry, name) and entry[name]:
        try:
            return calendar.timegm(entry[name])
        except (ValueError, OverflowError):
            return None
    return None


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    try:
        doc = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=True,
                               response_headers={"content-location": BASE})
    except Exception as e:  # whatever it is, the feed was not read
        return {"failed": repr(e)}
    entries = []
    for e in doc.entries:
        people = []
        for p in e.get("authors", []):
            if p and (p.get("name") or p.get("email") or p.get("href")):
                people.append([stripped(p.get("name")), line(p.get("email")), line(p.get("href"))])
        details = e.get("content", []) + [e.get("summary_detail") or {"value": e.get("summary")}]
        title = e.get("title") or ""
        entries.append({
            "id": e.get("id") or "",
            "link": address(e["link"]) if e.get("link") else "",
            "titles": [line(title), stripped(title)],
            "published": moment(e, "published_parsed"),
            "updated": moment(e, "updated_parsed"),
            "authors": people,
            "categories": [t for t in (line(t.get("term") or t.get("label")) for t in e.get("tags", [])) if t],
            "enclosures": [address(x["href"]) for x in e.get("enclosures", []) if x.get("href")],
            "texts": [max((letters(d, framed) for d in details), key=len) for framed in (False, True)],
        })
    return {"version": doc.get("version") or "", "entries": entries}


if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        for result in pool.imap(read, sys.stdin.read().splitlines(), chunksize=16):
            print(json.dumps(result))
