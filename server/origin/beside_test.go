package origin

import (
	"os"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/encode"
)

// TestBeside: a file has the codings that stand beside it and are not older, as
// far as there is room for them.
func TestBeside(t *testing.T) {
	const text = "the content of a file"
	for _, tt := range []struct {
		about  string
		put    map[string]time.Duration // by suffix: how much younger than the file
		stored int64                    // MaxStored, 0: enough
		off    bool
		want   []encode.Coding
	}{
		{about: "none"},
		{about: "all", put: map[string]time.Duration{".br": time.Second, ".zst": time.Second, ".gz": time.Second}, want: []encode.Coding{encode.Brotli, encode.Zstd, encode.Gzip}},
		{about: "as old as it", put: map[string]time.Duration{".gz": 0}, want: []encode.Coding{encode.Gzip}},
		{about: "older", put: map[string]time.Duration{".gz": -time.Second, ".br": time.Second}, want: []encode.Coding{encode.Brotli}},
		{about: "room for one", put: map[string]time.Duration{".br": time.Second, ".gz": time.Second}, stored: int64(len(text)) + 10, want: []encode.Coding{encode.Brotli}},
		{about: "room for none", put: map[string]time.Duration{".br": time.Second}, stored: int64(len(text)) + 2},
		{about: "not asked for", put: map[string]time.Duration{".br": time.Second}, off: true},
	} {
		t.Run(tt.about, func(t *testing.T) {
			d, root := newDirectory(t, DirectoryConfig{Precompressed: !tt.off, MaxStored: tt.stored})
			write(t, root+"/a.js", text, long)
			write(t, root+"/a.js.other", "no coding", long)
			for suffix, younger := range tt.put {
				write(t, root+"/a.js"+suffix, "in "+suffix, long.Add(younger))
			}
			a := fetchKey(t, d, "/a.js", nil)
			if string(a.Response.Body) != text {
				t.Fatalf("the file is %q", a.Response.Body)
			}
			n := 0
			for c, body := range a.Coded {
				if body != nil {
					n++
				}
				if want := "in " + encode.Coding(c).Suffix(); body != nil && string(body) != want {
					t.Errorf("%v is %q, want %q", encode.Coding(c), body, want)
				}
			}
			for _, c := range tt.want {
				if a.Coded == nil || a.Coded[c] == nil {
					t.Errorf("%v is missing", c)
				}
			}
			if n != len(tt.want) {
				t.Errorf("%d codings, want %d", n, len(tt.want))
			}
		})
	}
}

// TestBesideIsLookedAt: a stored answer stands as long as the codings beside its
// file are the same, and its response does not outlive them.
func TestBesideIsLookedAt(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{Precompressed: true})
	write(t, root+"/a.js", "text", long)
	write(t, root+"/a.js.gz", "gz", long)
	first := fetchKey(t, d, "/a.js", nil)
	again := fetchKey(t, d, "/a.js", &first)
	if again.Response != first.Response || string(again.Coded[encode.Gzip]) != "gz" {
		t.Error("what has not changed is another answer")
	}
	for _, change := range []struct {
		about  string
		do     func()
		br, gz string
	}{
		{"one more", func() { write(t, root+"/a.js.br", "br", long) }, "br", "gz"},
		{"another content", func() { write(t, root+"/a.js.gz", "other", long.Add(time.Second)) }, "br", "other"},
		{"an empty file", func() { write(t, root+"/a.js.gz", "", long.Add(time.Second)) }, "br", ""},
		{"one less", func() { os.Remove(root + "/a.js.br") }, "", ""},
	} {
		change.do()
		next := fetchKey(t, d, "/a.js", &again)
		var br, gz string
		if next.Coded != nil {
			br, gz = string(next.Coded[encode.Brotli]), string(next.Coded[encode.Gzip])
		}
		if br != change.br || gz != change.gz || next.Response == again.Response || string(next.Response.Body) != "text" {
			t.Errorf("%s: br %q, gzip %q, the same response %t", change.about, br, gz, next.Response == again.Response)
		}
		again = next
	}
	// A younger file has codings of what it was before.
	write(t, root+"/a.js.gz", "gz", long)
	write(t, root+"/a.js", "new text", long.Add(time.Minute))
	if next := fetchKey(t, d, "/a.js", &again); next.Coded != nil || string(next.Response.Body) != "new text" {
		t.Errorf("a younger file: %q, %q", next.Response.Body, next.Coded)
	}
}
