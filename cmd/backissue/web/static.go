package web

import (
	_ "embed"
	"time"
)

//go:embed static/style.css
var stylesheet []byte

//go:embed static/favicon.svg
var favicon []byte

// static holds the documents that do not come from the archive.
type static struct {
	files      map[string]*document // by path
	stylesheet string               // path; it changes with the content, so copies are good for ever
	icon       string               // path
}

func newStatic() static {
	s := static{
		files:      make(map[string]*document),
		stylesheet: "/style-" + fingerprint(string(stylesheet)) + ".css",
		icon:       "/favicon.svg",
	}
	for _, f := range []struct {
		path, mediaType, keep string
		body                  []byte
	}{
		{s.stylesheet, "text/css; charset=utf-8", sealedKeep, stylesheet},
		{s.icon, "image/svg+xml", iconKeep, favicon},
		{"/robots.txt", "text/plain; charset=utf-8", iconKeep, []byte("User-agent: *\nDisallow:\n")},
	} {
		s.files[f.path] = newDocument(f.path, newClass(f.mediaType, f.keep, noSniffing()), fingerprint(string(f.body)), time.Time{}, f.body)
	}
	return s
}
