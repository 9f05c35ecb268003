package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// sortedKeys are the keys of a map, sorted.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// ours are fields that no rule may touch, and why.
var ours = map[string]error{}

// errors of ours, by who needs the field.
var (
	errFraming   = errors.New("says how messages are framed")
	errCaching   = errors.New("is what caches go by")
	errHost      = errors.New("is set by host")
	errSecret    = errors.New("has a secret, which a setting, that is shown, must not have")
	errForwarded = errors.New("is written anew for upstreams, by trusted-proxies")
)

// oursOfResponses and oursOfRequests are those of one side.
var oursOfResponses, oursOfRequests = map[string]error{}, map[string]error{}

func init() {
	put := func(m map[string]error, why error, names ...string) {
		for _, name := range names {
			m[name] = why
		}
	}
	put(ours, errFraming, "connection", "content-encoding", "content-length", "content-range", "http2-settings", "keep-alive",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
	put(ours, errHost, "host")
	put(ours, errCaching, "age", "cache-status", "date")
	put(oursOfResponses, errCaching, "accept-ranges", "etag", "last-modified", "vary")
	put(oursOfRequests, errCaching, "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range")
	put(oursOfRequests, errFraming, "expect", "max-forwards")
	put(oursOfRequests, errForwarded, "client-cert", "client-cert-chain", "client-cert-subject", "forwarded", "via", "x-forwarded-for", "x-forwarded-host",
		"x-forwarded-port", "x-forwarded-proto", "x-real-ip")
	put(oursOfRequests, errSecret, "authorization", "proxy-authorization")
}

// fieldName is the normal form of a field's name that a rule may have.
func fieldName(s string, request bool) (string, error) {
	name := strings.ToLower(s)
	if !httpguts.ValidHeaderFieldName(name) {
		return "", errors.New("is no name of a field")
	}
	side := oursOfResponses
	if request {
		side = oursOfRequests
	}
	return name, cmp.Or(ours[name], side[name])
}

func fieldNames(p *[]string, request bool) *list[string] {
	return &list[string]{p: p, what: "the name of a field", empty: "none", item: func(s string) (string, error) { return fieldName(s, request) }}
}

// fieldSet are fields with their values: a mapping of the file.
type fieldSet struct {
	p       *map[string]string
	request bool
}

func (v *fieldSet) pair(key, s string) error {
	name, err := fieldName(key, v.request)
	switch {
	case err != nil:
		return err
	case !httpguts.ValidHeaderFieldValue(s) || s != strings.Trim(s, " \t"):
		return errors.New("has a value that a field cannot have")
	}
	if *v.p == nil {
		*v.p = make(map[string]string)
	}
	if _, twice := (*v.p)[name]; twice {
		return errors.New("is given twice")
	}
	(*v.p)[name] = s
	return nil
}

func (v *fieldSet) kind() value { return &line{p: new(string)} }

func (v *fieldSet) set(s string) error {
	*v.p = nil
	if s == "" {
		return nil
	}
	return errors.New("is not a mapping of fields")
}

func (v *fieldSet) check() error {
	for name, value := range *v.p {
		var other map[string]string
		if err := (&fieldSet{&other, v.request}).pair(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (v *fieldSet) String() string {
	var texts []string
	for _, name := range sortedKeys(*v.p) {
		texts = append(texts, name+": "+(*v.p)[name])
	}
	return strings.Join(texts, ", ")
}

func (v *fieldSet) allowed() string {
	return "a mapping such as {X-Frame-Options: DENY}, of fields that neither frame messages nor are what caches go by"
}

func (v *fieldSet) schema() schema {
	return schema{"type": "object", "additionalProperties": schema{"type": []string{"string", "number", "boolean"}}}
}

// pageFiles are files by the status or class of errors.
type pageFiles struct{ p *map[string]string }

func (v *pageFiles) pair(key, s string) error {
	if !pageStatus(key) {
		return errors.New("has a status that is neither from 400 to 599, without 412 and 416, nor 4xx or 5xx")
	}
	if s == "" {
		return errors.New("has no file")
	}
	if *v.p == nil {
		*v.p = make(map[string]string)
	}
	(*v.p)[key] = s
	return nil
}

// pageStatus reports whether errors of a status may have a page: 412 and 416 say
// something of what is stored.
func pageStatus(s string) bool {
	if s == "4xx" || s == "5xx" {
		return true
	}
	n, err := parseInt(s)
	return err == nil && n >= 400 && n <= 599 && n != 412 && n != 416 && fmt.Sprint(n) == s
}

func (v *pageFiles) kind() value { return &line{p: new(string)} }

func (v *pageFiles) set(s string) error {
	*v.p = nil
	if s == "" {
		return nil
	}
	return errors.New("is not a mapping of statuses")
}

func (v *pageFiles) check() error {
	for status := range *v.p {
		if !pageStatus(status) {
			return errors.New("has an impossible status")
		}
	}
	return nil
}

func (v *pageFiles) String() string {
	var texts []string
	for _, status := range sortedKeys(*v.p) {
		texts = append(texts, status+": "+(*v.p)[status])
	}
	return strings.Join(texts, ", ")
}

func (v *pageFiles) allowed() string {
	return "a mapping such as {404: /srv/404.html, 5xx: /srv/down.html}, of statuses from 400 to 599 but 412 and 416, or of 4xx and 5xx, to files of at most 64 KiB"
}

func (v *pageFiles) schema() schema {
	return schema{
		"type":                 "object",
		"patternProperties":    map[string]schema{`^[45](\d\d|xx)$`: {"type": "string"}},
		"additionalProperties": false,
	}
}
