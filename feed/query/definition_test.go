package query_test

import (
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/query"
)

func TestParseDefinitions(t *testing.T) {
	_, err := query.ParseDefinitions("\ufeff# What I read.\r\n\r\nNordkorea = tag:nordkorea -tag:sport limit:50\r\n" +
		"  Two  words=a OR b split:tag\n  # more\nc = \"limit:3\" = ")
	if err == nil || !strings.HasPrefix(err.Error(), `line 6: there is no word in "="`) {
		t.Errorf("a stray sign: %v", err)
	}
	all, err := query.ParseDefinitions("\ufeff# What I read.\r\n\r\nNordkorea = tag:nordkorea -tag:sport limit:50\r\n" +
		"  Two  words=a OR b split:tag\n  # more\nc = \"limit:3\" -d")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range all {
		lines = append(lines, all[i].String())
	}
	want := []string{"Nordkorea = tag:nordkorea -tag:sport limit:50", "Two words = (a OR b) split:tag", `c = "limit:3" -d`}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", lines)
	}
	if d := all[1]; d.Query.String() != "a OR b" || !d.Split || d.Limit != 0 || all[0].Limit != 50 {
		t.Errorf("got %+v and %+v", all[0], all[1])
	}
}

func TestParseDefinitionsRefuses(t *testing.T) {
	for file, want := range map[string]string{
		"a":                               `line 1: there is no "=" between a name and a query`,
		"\na = ":                          "line 2: the query is empty",
		"= a":                             "line 1: the name \"\" has neither letters nor digits",
		"a = x\nA = y":                    `line 2: "A" is the feed of line 1`,
		"a = limit:3":                     "there are options and no query",
		"a = x limit:0":                   "limit: wants a number from 1 to 1000",
		"a = x limit:+5":                  "limit: wants a number",
		"a = x limit:1001":                "limit: wants a number",
		"a = x split:author":              "split: knows only tag",
		"a = (x limit:5)":                 "stands by itself",
		"a = x -limit:5":                  "stands by itself",
		"a = x OR limit:5":                "stands by itself",
		"a = limit:5 OR x":                "stands by itself",
		"a = x\n\x01b\x02 = y":            "is no text",
		strings.Repeat("n", 201) + " = x": "bytes long",
	} {
		if all, err := query.ParseDefinitions(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %s", file, all, err, want)
		}
	}
}

// FuzzParseDefinitions holds what is read to what is written of it.
func FuzzParseDefinitions(f *testing.F) {
	for _, file := range []string{"a = b", "# x\nNord Korea = tag:x OR y limit:5 split:tag\n", "a=b=c", "x = -limit:3", "a = b\r\nc = d limit:9 limit:8"} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		all, err := query.ParseDefinitions(file)
		if err != nil {
			return
		}
		var lines []string
		for i := range all {
			lines = append(lines, all[i].String())
		}
		written := strings.Join(lines, "\n")
		again, err := query.ParseDefinitions(written)
		if err != nil || len(again) != len(all) {
			t.Fatalf("%q is written %q, which is read as %v, %v", file, written, again, err)
		}
		for i := range all {
			if all[i].String() != again[i].String() {
				t.Errorf("%q is written as %q and then as %q", file, &all[i], &again[i])
			}
		}
	})
}
