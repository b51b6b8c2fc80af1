package warc

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Content types of blocks that hold messages of HTTP (§5.6 and RFC 9112 §10.1).
const (
	TypeRequest  = "application/http;msgtype=request"
	TypeResponse = "application/http;msgtype=response"
)

// original is what stands before the name of a header field that told how the body was packed: here the
// body is unpacked, and a reader of the block must not try to do that once more. Other web archives call
// it so too.
const original = "X-Archive-Orig-"

// RequestBlock returns a request as it went over the wire.
func RequestBlock(method, target string, header http.Header) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", oneLine(method), oneLine(target))
	writeHeader(&b, header)
	return b.Bytes()
}

// ResponseBlock returns an answer with its body unpacked. What its header says of the packed form is kept
// under other names.
func ResponseBlock(status int, header http.Header, body []byte) []byte {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	for _, name := range []string{"Content-Encoding", "Transfer-Encoding", "Content-Length"} {
		if values := h.Values(name); len(values) > 0 {
			h[original+name] = values
			h.Del(name)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	var b bytes.Buffer
	b.Grow(len(body) + 2048)
	fmt.Fprintf(&b, "HTTP/1.1 %03d %s\r\n", status, http.StatusText(status))
	writeHeader(&b, h)
	b.Write(body)
	return b.Bytes()
}

// writeHeader writes fields in the order of their names, so that equal headers are equal bytes.
func writeHeader(b *bytes.Buffer, header http.Header) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(b, "%s: %s\r\n", oneLine(name), oneLine(value))
		}
	}
	b.WriteString("\r\n")
}

// oneLine keeps what somebody else wrote from ending a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

// ParseResponse takes a block of [TypeResponse] apart: the status, the header as it was written, and the
// body, which is part of block.
func ParseResponse(block []byte) (status int, header http.Header, body []byte, err error) {
	head, body, ok := bytes.Cut(block, []byte("\r\n\r\n"))
	if !ok {
		return 0, nil, nil, errors.New("the message has no header")
	}
	lines := strings.Split(string(head), "\r\n")
	words := strings.SplitN(lines[0], " ", 3)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return 0, nil, nil, fmt.Errorf("the message begins with %q", clip(lines[0]))
	}
	if status, err = strconv.Atoi(words[1]); err != nil {
		return 0, nil, nil, fmt.Errorf("the message has the status %q", clip(words[1]))
	}
	header = http.Header{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return 0, nil, nil, fmt.Errorf("the line %q is no field", clip(line))
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return status, header, body, nil
}
