package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/backissue/backissue/store"
)

// problem is an answer other than the document asked for, in words for the person who asked.
type problem struct {
	status   int
	title    string
	text     string
	location string // where else to look; only for redirections
}

// Error returns the words.
func (p *problem) Error() string { return p.title }

func notHere(text string) error {
	return &problem{status: http.StatusNotFound, title: "Not in this archive", text: text}
}

func badRequest(text string) error {
	return &problem{status: http.StatusBadRequest, title: "That address is not right", text: text}
}

// moved sends the reader to another path of this site for good.
func moved(path string) error {
	return &problem{status: http.StatusMovedPermanently, title: "Moved", text: "This page has another address.", location: path}
}

// elsewhere sends the reader to another path of this site for as long as a feed may be kept: what
// belongs here is not there yet.
func elsewhere(path string) error {
	return &problem{status: http.StatusTemporaryRedirect, title: "Not here yet", text: "What will be here is still being gathered.", location: path}
}

var (
	errNoPage     error = &problem{http.StatusNotFound, "Not in this archive", "There is no page under this address.", ""}
	errNoArticle        = notHere("Articles have numbers, and this is none.")
	errNoRevision       = notHere("Revisions have numbers, and this is none.")
	errWithdrawn  error = &problem{http.StatusGone, "Withdrawn", "The keeper of this archive has withdrawn this article.", ""}
	errReadOnly   error = &problem{http.StatusMethodNotAllowed, "This archive can only be read", "Ask with GET or HEAD.", ""}
)

// problemPage is what people see of a [problem].
type problemPage struct {
	layout
	Text string
}

// fail answers with what went wrong. Browsers get a page, programs a line.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, store.ErrNotFound):
		p = &problem{status: http.StatusNotFound, title: "Not in this archive", text: "Nothing is kept under this name."}
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // nobody is listening
	case errors.Is(err, store.ErrDamaged):
		s.log.Error("cannot show page", "path", r.URL.Path, "err", err)
		p = &problem{status: http.StatusServiceUnavailable, title: "This part of the archive is damaged", text: "What belongs here cannot be read until its keeper has mended it. Please come again later."}
	default:
		s.log.Error("cannot show page", "path", r.URL.Path, "err", err)
		p = &problem{status: http.StatusInternalServerError, title: "The archive cannot be read", text: "Something is wrong here, not with your request. Please try again later."}
	}
	h := w.Header()
	put(h, pageFields("'none'"))
	h.Set("Vary", "Accept")
	switch p.status {
	case http.StatusMovedPermanently:
		h.Set("Location", s.prefix+p.location)
		h.Set("Cache-Control", iconKeep)
	case http.StatusTemporaryRedirect:
		h.Set("Location", s.prefix+p.location)
		h.Set("Cache-Control", feedsKeep)
		h.Set("Access-Control-Allow-Origin", "*")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", allowed)
	default:
		h.Set("Cache-Control", "no-cache")
	}
	body, mediaType := []byte(p.title+". "+p.text+"\n"), "text/plain; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		var b bytes.Buffer
		page := problemPage{layout: s.layout(p.title), Text: p.text}
		if err := s.pages.problem.Execute(&b, page); err == nil {
			body, mediaType = b.Bytes(), "text/html; charset=utf-8"
		}
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}
