package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// Cache is what operators ask about, and purge.
type Cache interface {
	Purge(edge.Purge) (edge.Purged, error)
	Explain(edge.Question) (edge.Explanation, error)
	Misses(n int) []missed.Path
}

// maxForm bounds the content of a purge or a question, in bytes: ten thousand URLs of a
// hundred.
const maxForm = 1 << 20

// maxQuestionFields is how many fields a question may have: no server takes a request
// with more.
const maxQuestionFields = 256

// The parameters of a purge and of a question.
var (
	purgeParameters   = []string{"url", "prefix", "host", "tag", "all", "site", "soft", "count"}
	explainParameters = []string{"url", "method", "field", "content", "client"}
)

// purge answers with what was purged, in JSON; or with 400 and a line for each reason
// why nothing was. Its parameters are a form, or in the query.
func purge(c Cache) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readForm(w, r) {
			return
		}
		p, err := purgeOf(r.Form)
		if err != nil {
			plain(w, http.StatusBadRequest, err.Error())
			return
		}
		done, err := c.Purge(p)
		answer(w, done, err)
	})
}

// readForm reads a request's form, and answers if it is none.
func readForm(w http.ResponseWriter, r *http.Request) (ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if err != nil {
		plain(w, http.StatusBadRequest, fmt.Sprintf("reading the form: %v; allowed are up to %d bytes of application/x-www-form-urlencoded", err, maxForm))
	}
	return err == nil
}

// purgeOf reads the parameters of a purge.
func purgeOf(form url.Values) (edge.Purge, error) {
	if err := known(form, purgeParameters); err != nil {
		return edge.Purge{}, err
	}
	p := edge.Purge{URLs: form["url"], Prefixes: form["prefix"], Hosts: form["host"], Tags: form["tag"], Site: form.Get("site")}
	for name, to := range map[string]*bool{"all": &p.All, "soft": &p.Soft, "count": &p.Count} {
		switch v := form.Get(name); {
		case !form.Has(name), v == "0", v == "false":
		case v == "1", v == "true", v == "":
			*to = true
		default:
			return edge.Purge{}, fmt.Errorf("%s %q: allowed is 1 or 0", name, v)
		}
	}
	return p, nil
}

// explain answers with what would become of a request, in JSON. Its parameters are in the
// query, or a form.
func explain(c Cache) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readForm(w, r) {
			return
		}
		form := r.Form
		wrongs := []error{known(form, explainParameters)}
		if n := len(form["field"]); n > maxQuestionFields {
			plain(w, http.StatusBadRequest, fmt.Sprintf("%d fields: allowed are up to %d", n, maxQuestionFields))
			return
		}
		client, wrong := edge.QuestionClient(form.Get("client"))
		q := edge.Question{URL: form.Get("url"), Method: form.Get("method"), Content: form.Get("content"), Client: client}
		wrongs = append(wrongs, wrong)
		for _, text := range form["field"] {
			f, wrong := edge.QuestionField(text)
			q.Fields, wrongs = append(q.Fields, f), append(wrongs, wrong)
		}
		if err := errors.Join(wrongs...); err != nil {
			plain(w, http.StatusBadRequest, err.Error())
			return
		}
		x, err := c.Explain(q)
		answer(w, x, err)
	})
}

// topMisses is how many paths /misses answers with.
const topMisses = 20

// misses answers with the paths whose requests miss most, in JSON.
func misses(c Cache) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, c.Misses(topMisses), nil) })
}

// known refuses a parameter that is none of allowed: a purge that is misspelt must not
// be another.
func known(form url.Values, allowed []string) error {
	for name := range form {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("parameter %q: allowed are %s", name, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// answer answers with v, in JSON, or with 400 and an error's lines.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		plain(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has left
}
