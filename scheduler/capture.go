package scheduler

import (
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// captured returns an answer as the archive keeps it, which holds no secrets: neither what the owner gave
// along nor the cookies by which a publisher would have known him.
func captured(res *fetch.Response, at time.Time) *store.Capture {
	header := res.Header.Clone()
	header.Del("Set-Cookie")
	header.Del("Set-Cookie2")
	return &store.Capture{URL: res.URL, At: at, Request: res.Asked, Status: res.Status, Header: header, Body: res.Body}
}
