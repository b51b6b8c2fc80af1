package warc_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store/warc"
)

func records() []*warc.Record {
	date := time.Date(2026, 11, 24, 9, 30, 0, 123456000, time.UTC)
	answer := warc.ResponseBlock(200, http.Header{
		"Content-Type": {"application/rss+xml"}, "Content-Encoding": {"gzip"}, "Content-Length": {"17"}, "Etag": {`"a"`},
	}, []byte("<rss/>\r\n\r\nand more"))
	return []*warc.Record{
		{Type: warc.Info, ID: feed.URLSpace.In("1"), Date: date, ContentType: "application/warc-fields", Block: []byte("software: backissue\r\n")},
		{
			Type: warc.Response, ID: feed.URLSpace.In("2"), Date: date, Target: "https://example.org/ä?<b>", ContentType: warc.TypeResponse,
			Fields: []warc.Field{{"WARC-Payload-Digest", warc.Digest([]byte("x"))}, {"X-Own", "a: b"}}, Block: answer,
		},
		{Type: warc.Metadata, ID: feed.URLSpace.In("3"), Date: date.Add(time.Microsecond), Block: nil},
	}
}

func file(t *testing.T, records []*warc.Record) (data []byte, ends []int64) {
	t.Helper()
	for _, r := range records {
		var err error
		if data, err = warc.Append(data, r); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int64(len(data)))
	}
	return data, ends
}

func TestThereAndBack(t *testing.T) {
	want := records()
	data, ends := file(t, want)
	again, _ := file(t, want)
	if !bytes.Equal(data, again) {
		t.Error("equal records are other bytes")
	}
	r := warc.NewReader(bytes.NewReader(data))
	r.Own = true
	begin := int64(0)
	for i, w := range want {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if w.Block == nil {
			w.Block = []byte{}
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("record %d:\n%s", i, diff)
		}
		if r.Offset() != begin || r.End() != ends[i] {
			t.Errorf("record %d is said to be at %d to %d, is at %d to %d", i, r.Offset(), r.End(), begin, ends[i])
		}
		begin = ends[i]
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}

	status, header, body, err := warc.ParseResponse(want[1].Block)
	if err != nil || status != 200 || string(body) != "<rss/>\r\n\r\nand more" {
		t.Errorf("the answer is %d %q, %v", status, body, err)
	}
	if header.Get("Content-Encoding") != "" || header.Get("X-Archive-Orig-Content-Encoding") != "gzip" ||
		header.Get("Content-Length") != "18" || header.Get("ETag") != `"a"` {
		t.Errorf("header %v", header)
	}
}

// A file that ends anywhere is whole up to the last record that is, and never more than that.
func TestTorn(t *testing.T) {
	data, ends := file(t, records())
	for n := range data {
		r := warc.NewReader(bytes.NewReader(data[:n]))
		whole := 0
		var err error
		for err == nil {
			if _, err = r.Next(); err == nil {
				whole++
			}
		}
		atEnd := n == 0 || slices.Contains(ends, int64(n))
		if want, _ := slices.BinarySearch(ends, int64(n)+1); whole != want {
			t.Errorf("%d bytes hold %d records, want %d", n, whole, want)
		}
		if atEnd != errors.Is(err, io.EOF) || !atEnd && !errors.Is(err, warc.ErrTorn) {
			t.Errorf("%d bytes end with %v", n, err)
		}
	}
}

// No byte can change without its being noticed.
func TestFlipped(t *testing.T) {
	data, _ := file(t, records())
	want := records()
	for i := range data {
		broken := bytes.Clone(data)
		broken[i] ^= 0x10
		r := warc.NewReader(bytes.NewReader(broken))
		r.Own = true
		for k := 0; ; k++ {
			got, err := r.Next()
			if err != nil {
				if errors.Is(err, io.EOF) {
					t.Errorf("byte %d has changed and nobody says so", i)
				}
				break
			}
			if !bytes.Equal(got.Block, want[k].Block) || got.Target != want[k].Target {
				t.Errorf("byte %d: record %d is another", i, k)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*warc.Record){
		"line break in a target": func(r *warc.Record) { r.Target = "https://example.org/\r\nWARC-Type: x" },
		"line break in a field":  func(r *warc.Record) { r.Fields = []warc.Field{{"A", "b\nc"}} },
		"colon in a name":        func(r *warc.Record) { r.Fields = []warc.Field{{"A: b", "c"}} },
	} {
		r := records()[1]
		change(r)
		if got, err := warc.Append([]byte("before"), r); err == nil || string(got) != "before" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	block := warc.ResponseBlock(200, http.Header{"X\r\nY": {"a\r\n\r\n<script>"}}, []byte("body"))
	if _, h, body, err := warc.ParseResponse(block); err != nil || string(body) != "body" || len(h) != 2 {
		t.Errorf("a header field that ends lines: %v, %q, %v", h, body, err)
	}
}

func FuzzReader(f *testing.F) {
	data, ends := file(&testing.T{}, records())
	f.Add(data)
	f.Add(data[:ends[0]])
	f.Add([]byte("WARC/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := warc.NewReader(bytes.NewReader(data))
		for {
			record, err := r.Next()
			if err != nil {
				return
			}
			if r.End() > int64(len(data)) || r.Offset() >= r.End() {
				t.Fatalf("a record from %d to %d in %d bytes", r.Offset(), r.End(), len(data))
			}
			_, _, _, _ = warc.ParseResponse(record.Block)
			again, err := warc.Append(nil, record)
			if err != nil {
				continue // names of fields that we would not write
			}
			got, err := warc.NewReader(bytes.NewReader(again)).Next()
			if err != nil || !bytes.Equal(got.Block, record.Block) || !strings.EqualFold(string(got.Type), string(record.Type)) {
				t.Fatalf("%+v comes back as %+v, %v", record, got, err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	r := records()[1]
	r.Block = warc.ResponseBlock(200, nil, []byte(strings.Repeat("<item><title>Something or other</title><p>and a text</p></item>\n", 2500)))
	b.SetBytes(int64(len(r.Block)))
	for b.Loop() {
		if _, err := warc.Append(nil, r); err != nil {
			b.Fatal(err)
		}
	}
}
