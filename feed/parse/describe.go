package parse

import "strings"

// describe says in plain words what bytes that are no feed look like.
func describe(text string) string {
	if strings.TrimSpace(text) == "" {
		return "it is empty"
	}
	return "it looks like " + kindOf(text)
}

func kindOf(text string) string {
	start := strings.ToLower(strings.TrimSpace(text[:min(len(text), 4096)]))
	if start == "" {
		return "white space"
	}
	for _, known := range []struct{ mark, what string }{
		{"<opml", "a list of subscriptions (OPML)"},
		{"<!doctype html", "an HTML page"},
		{"<html", "an HTML page"},
		{"<head", "an HTML page"},
		{"<body", "an HTML page"},
		{"<urlset", "a sitemap"},
		{"<sitemapindex", "a sitemap"},
		{"<svg", "an SVG image"},
		{"<rss", "RSS that breaks off at once"},
		{"<feed", "a <feed> of another kind than Atom"},
	} {
		if strings.Contains(start, known.mark) {
			return known.what
		}
	}
	switch start[0] {
	case '<':
		return "XML or HTML of another kind"
	case '{', '[':
		return "JSON of another kind"
	}
	if strings.HasPrefix(start, "%pdf") {
		return "a PDF file"
	}
	for _, r := range text[:min(len(text), 512)] {
		if r == '\uFFFD' {
			return "binary data"
		}
	}
	return "plain text"
}
