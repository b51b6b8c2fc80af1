package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
)

// maxSecret bounds the files in which secrets stand: a path that was mistyped must not be sent out.
const maxSecret = 16 << 10

// accessFlags are the flags by which an owner gives something along to a source. None of their
// values is ever repeated in a message.
type accessFlags struct {
	headers                                    []string
	headerFile, user, password, bearer, cookie string
	proxy, proxyFile                           string
}

func (a *accessFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&a.headers, "header", nil, `send this header ("Name: value"); may be repeated`)
	f.StringVar(&a.headerFile, "header-file", "", "send the headers in this file, one a line")
	f.StringVar(&a.user, "user", "", "user name (HTTP basic authentication)")
	f.StringVar(&a.password, "password-file", "", "file that holds the password to --user")
	f.StringVar(&a.bearer, "bearer-file", "", "file that holds a token (bearer authentication)")
	f.StringVar(&a.cookie, "cookie-file", "", "file that holds cookies as they are to be sent (name=value; …)")
	f.StringVar(&a.proxy, "proxy", "", "ask through this proxy (http://, https:// or socks5://)")
	f.StringVar(&a.proxyFile, "proxy-file", "", "ask through the proxy in this file, whose address may hold a password")
	c.MarkFlagsMutuallyExclusive("proxy", "proxy-file")
	c.MarkFlagsMutuallyExclusive("user", "bearer-file")
	c.MarkFlagsRequiredTogether("user", "password-file")
}

// read returns what the flags and their files say. single says that there is one address to which
// it may go.
func (a *accessFlags) read(e *env, single bool) (feed.Access, error) {
	var got feed.Access
	var headers string
	got.User, got.Proxy = a.user, a.proxy
	for _, f := range []struct {
		path string
		to   *string
	}{{a.headerFile, &headers}, {a.password, &got.Password}, {a.bearer, &got.Bearer}, {a.cookie, &got.Cookie}, {a.proxyFile, &got.Proxy}} {
		if f.path == "" {
			continue
		}
		s, err := secret(e, f.path)
		if err != nil {
			return feed.Access{}, err
		}
		*f.to = s
	}
	for _, line := range append(a.headers, strings.Split(headers, "\n")...) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return feed.Access{}, hinted{usageError{errors.New("a header has no colon")}, `write it as "Name: value"`}
		}
		got.Headers = append(got.Headers, feed.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if err := fetch.CheckAccess(&got); err != nil {
		return feed.Access{}, usageError{err}
	}
	own := got
	own.Proxy = "" // which may serve any number
	if !single && !own.IsZero() {
		return feed.Access{}, hinted{usageError{errors.New("what is given along is for one address")}, "add the addresses one at a time"}
	}
	return got, nil
}

// secret reads a file that holds nothing but a secret, without the end of its line.
func secret(e *env, path string) (string, error) {
	in := e.Stdin
	if path != "-" {
		f, err := os.Open(e.path(path))
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %q: %w", path, err)
	case len(b) > maxSecret:
		return "", fmt.Errorf("read %q: more than %d KiB, which is no secret", path, maxSecret>>10)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("read %q: it is empty", path)
	}
	return s, nil
}
