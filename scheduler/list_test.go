package scheduler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backissue/backissue/scheduler"
)

func TestFollowAll(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Add(t.Context(), scheduler.Subscription{URL: "http://plain.example.org/feed", NoFetch: true}); err != nil {
		t.Fatal(err)
	}
	var wants []scheduler.Subscription
	for n := range 2500 { // more than share a commit
		wants = append(wants, scheduler.Subscription{URL: fmt.Sprintf("https://%d.example.org/feed", n), Title: fmt.Sprint("Feed ", n)})
	}
	wants[7].URL = "no address at all"
	wants[1200] = scheduler.Subscription{URL: "feed://1.example.org/feed", Tags: []string{"Once more"}}
	wants[1300].URL = "plain.example.org/feed" // which is followed in the clear
	wants[1400].URL = "http://new.example.org/feed"
	wants[1401].URL = "new.example.org/feed" // and this will be
	var got []scheduler.Listed
	if err := w.FollowAll(t.Context(), wants, func(l scheduler.Listed) { got = append(got, l) }); err != nil || len(got) != len(wants) {
		t.Fatalf("%d of %d, %v", len(got), len(wants), err)
	}
	fresh := 0
	for n, l := range got {
		switch {
		case n == 7:
			if l.Err == nil || !strings.Contains(l.Err.Error(), "no address at all") {
				t.Errorf("no address: %v", l.Err)
			}
			continue
		case l.Err != nil:
			t.Errorf("%d: %v", n, l.Err)
		case l.New:
			fresh++
		}
		if want := fmt.Sprintf("https://%d.example.org/feed", n); n != 1200 && n != 1300 && n != 1400 && n != 1401 && l.Source.URL != want {
			t.Errorf("%d is %s", n, l.Source.URL)
		}
	}
	if s := got[1300].Source; got[1300].New || s.URL != "http://plain.example.org/feed" {
		t.Errorf("followed in the clear: %v, %s", got[1300].New, s.URL)
	}
	if got[1400].Source.ID != got[1401].Source.ID {
		t.Error("one feed is followed twice")
	}
	if fresh != len(wants)-4 {
		t.Errorf("%d are new", fresh)
	}
	if stats, err := w.Store.Stats(t.Context()); err != nil || stats.Subscribed != uint64(fresh)+1 {
		t.Errorf("%+v, %v", stats, err)
	}
	if due, some, err := w.Store.NextDue(t.Context()); err != nil || !some || due.After(w.clock.peek()) {
		t.Errorf("next due %v, %v, %v", due, some, err)
	}
}
