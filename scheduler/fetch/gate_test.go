package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
)

func TestOneRequestAtATimePerHost(t *testing.T) {
	const hosts, each = 3, 8
	var together, most atomic.Int32 // requests to all hosts at once
	var meeting sync.WaitGroup      // the first request of each host waits for those of the others
	meeting.Add(hosts)
	c := new(fetch.Client)
	var all sync.WaitGroup
	for h := range hosts {
		var here, served atomic.Int32
		s := serve(t, fmt.Sprintf("127.0.0.%d", h+1), func(w http.ResponseWriter, r *http.Request) {
			if n := here.Add(1); n > 1 {
				t.Errorf("%d requests at once to host %d", n, h)
			}
			for n := together.Add(1); n > most.Load(); {
				most.Store(n)
			}
			if served.Add(1) == 1 {
				meeting.Done()
				meeting.Wait()
			}
			together.Add(-1)
			here.Add(-1)
			w.Write(make([]byte, 100<<10)) // the body is part of the request
		})
		for range each {
			all.Go(func() { get(t, c, fetch.Request{URL: s.URL, Trusted: true}) })
		}
	}
	all.Wait() // ends only if hosts are served side by side
	if n := most.Load(); n < hosts {
		t.Errorf("at most %d hosts were asked at once, want %d", n, hosts)
	}
	if n := c.Hosts(); n != 0 {
		t.Errorf("%d hosts are remembered after all is done", n)
	}
}

// transport answers from memory.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func TestHostGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		c := &fetch.Client{HostGap: 5 * time.Second, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			time.Sleep(time.Second)
			return answer(200, "x"), nil
		})}}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { get(t, c, fetch.Request{URL: "http://one.example/"}) })
		}
		all.Wait()
		want := []time.Duration{0, 6 * time.Second, 12 * time.Second}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("requests at %v, want %v", at, want)
		}
		if c.Hosts() != 1 {
			t.Errorf("%d hosts are remembered during the pause", c.Hosts())
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if c.Hosts() != 0 {
			t.Errorf("%d hosts are remembered after the pause", c.Hosts())
		}
	})
}

func TestGapOfAHost(t *testing.T) {
	c := &fetch.Client{HostGap: time.Second}
	for host, want := range map[string]time.Duration{
		"example.org": time.Second, "192.168.0.1": time.Second, "nas.local": time.Second, "localhost.example.org": time.Second,
		"127.0.0.1": 0, "127.8.9.1": 0, "[::1]": 0, "::1": 0, "::ffff:127.0.0.1": 0, "LOCALHOST": 0, "feeds.localhost.": 0,
	} {
		if got := c.Gap(host); got != want {
			t.Errorf("%s is left alone for %v, want %v", host, got, want)
		}
	}
}

func TestWaitingForAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fetch.Client{Timeout: 10 * time.Second, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(8 * time.Second):
				return answer(200, "x"), nil
			}
		})}}
		var all sync.WaitGroup
		for range 3 { // waiting for one's turn is not counted: all three end well
			all.Go(func() { get(t, c, fetch.Request{URL: "http://one.example/"}) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(ctx, fetch.Request{URL: "http://ONE.example:80/"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for a busy host with an ended context: %v", err)
		}
		all.Wait()
		if c.Hosts() != 0 {
			t.Errorf("%d hosts are remembered", c.Hosts())
		}
	})
}

func TestTimeoutCoversRedirects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hop := 0
		c := &fetch.Client{Timeout: 10 * time.Second, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(4 * time.Second):
			}
			hop++
			res := answer(302, "")
			res.Header.Set("Location", fmt.Sprintf("/%d", hop))
			return res, nil
		})}}
		start := time.Now()
		fails(t, c, "http://one.example/", fetch.ClassTimeout)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}
