package exchange_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/backissue/backissue/store/exchange"
)

// FuzzReader reads anything: what is read without complaint is written again as it was read.
func FuzzReader(f *testing.F) {
	for _, line := range []string{
		`{"source":{"id":1,"name":"n","url":"https://example.org/"}}`,
		`{"article":{"id":1,"gone":"2026-01-02T03:04:05.000006Z","revisions":[{"seq":1,"source":1,"key":"k","extra":[{"prefixes":{"a":"b"}}]}]}}`,
		`{"log":{"feed":1,"from":0,"seqs":[[1,3],[5,5]]}}`,
		`{"order":{"feed":1,"items":[[-5,1],[7,2,3]]}}`,
		`{"change":{"n":1,"kind":"r","article":1,"seq":2,"at":-99999999999999999}}`,
		`{"feed":{"number":1,"kind":"*","length":0,"articles":0,"edition":1},"exact":["AAA="]}`,
	} {
		f.Add([]byte(`{"backissue":"export","version":1,"archive":{"identity":"00"}}` + "\n" + line + "\n" + `{"end":{"lines":3}}` + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := copied(data)
		if err != nil {
			return
		}
		second, err := copied(first)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("read and written again (%v):\n%s\n%s", err, first, second)
		}
	})
}

// copied reads an export and writes it again.
func copied(data []byte) ([]byte, error) {
	var out bytes.Buffer
	r, w := exchange.NewReader(bytes.NewReader(data)), exchange.NewWriter(&out)
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		if record.Log != nil {
			if _, err := record.Log.Len(); err != nil {
				return nil, err
			}
		}
		if err := w.Write(record, nil); err != nil {
			return nil, err
		}
	}
}

func TestTime(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC),
		time.Date(12026, 1, 1, 0, 0, 0, 1000, time.UTC), time.Unix(0, 0).UTC(),
	} {
		raw, err := exchange.Time{Time: at}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back exchange.Time
		if err := back.UnmarshalJSON(raw); err != nil || !back.Equal(at) {
			t.Errorf("%s is %s, and then %s (%v)", at, raw, back, err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	head := `{"backissue":"export","version":1,"archive":{"identity":"00"}}` + "\n"
	for name, data := range map[string]string{
		"nothing":                        "",
		"something else":                 "{}\n",
		"a version that is not known":    `{"backissue":"export","version":2,"archive":{}}` + "\n",
		"no end":                         head,
		"an end of another file":         head + `{"end":{"lines":3}}` + "\n",
		"something behind the end":       head + `{"end":{"lines":2}}` + "\n\n",
		"two records in a line":          head + `{"end":{"lines":2}} {}` + "\n",
		"a line of two kinds":            head + `{"end":{"lines":2},"address":{"url":"u","source":1}}` + "\n",
		"an empty line":                  head + "\n" + `{"end":{"lines":3}}` + "\n",
		"a line of none":                 head + "{}\n",
		"a field that is not known":      head + `{"end":{"lines":2},"colour":"red"}` + "\n",
		"an archive in an archive":       head + head,
		"a line that is cut in the half": head + `{"end":{"li`,
	} {
		if out, err := copied([]byte(data)); err == nil {
			t.Errorf("%s: read as %s", name, out)
		}
	}
}
