// Package push brings what is new at once, by WebSub (W3C Recommendation of 23 January 2018).
//
// A [Hub] tells subscribers what is new in the archive's own feeds, and a [Pinger] tells other hubs that
// something is. A [Subscriber] has the hubs of
// sources tell the archive what is new there, so that these need be polled once a day only. Both say
// and hear everything through package fetch and the archive, and remember in the archive what must
// outlive the process.
package push

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What requests are for (hub.mode).
const (
	subscribe   = "subscribe"
	unsubscribe = "unsubscribe"
	denied      = "denied"
	publish     = "publish" // to hubs that are not ours (PubSubHubbub 0.4 §7)
)

// formType is the media type of what subscribers say to hubs.
const formType = "application/x-www-form-urlencoded"

// maxSecret is how many bytes a secret has at most (WebSub §5.1: fewer than 200).
const maxSecret = 199

// signature returns the X-Hub-Signature field of a body (WebSub §7).
func signature(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

// isSigned reports whether an X-Hub-Signature field proves that whoever sent the body knows the secret.
// SHA-1 proves nothing any more.
func isSigned(field, secret string, body []byte) bool {
	if secret == "" {
		return false
	}
	method, sum, _ := strings.Cut(strings.TrimSpace(field), "=")
	var algorithm func() hash.Hash
	switch strings.ToLower(method) {
	case "sha256":
		algorithm = sha256.New
	case "sha384":
		algorithm = sha512.New384
	case "sha512":
		algorithm = sha512.New
	default:
		return false
	}
	said, err := hex.DecodeString(sum)
	m := hmac.New(algorithm, []byte(secret))
	m.Write(body)
	return err == nil && hmac.Equal(said, m.Sum(nil))
}

// unguessable returns 32 random bytes as text that can stand in an address.
func unguessable() string { return rand.Text() + rand.Text() }

// lease reads hub.lease_seconds: how long a subscription is to last; 0 where nothing is said.
func lease(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return time.Duration(n) * time.Second, err == nil && n > 0
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// hostOf returns the host of an address in lower case; "" where there is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func orSilent(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
