package purge

import (
	"hash/maphash"
	"iter"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// Tag is a name that an origin gives to any number of responses, as a hash. If two
// names have one, a response more is fetched again.
type Tag uint64

// MaxTags is how many tags a response has, 8 KiB of them. One with more has the tags
// that every purge of a tag, and every one of a group of its host, is about: rather too
// much is purged than too little.
const MaxTags = 1024

// What a tag may be.
const (
	named = 't'
	group = 'g' // of one host, RFC 9875
	every = 'a' // see MaxTags
	whole = 'h' // see MaxTags: of one host, every group
	url   = 'u' // the plain key of what was asked for

	prefixed = 'p' // all that has a key which begins so: stands for a prefix among the rules
)

func (r *Rules) hash(kind byte, host, name string) Tag {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_ = h.WriteByte(kind) // none of them fails
	if kind == group || kind == whole {
		_, _ = h.WriteString(host)
		_ = h.WriteByte(0)
	}
	_, _ = h.WriteString(name)
	return Tag(h.Sum64())
}

// of is the tag of one site. That of all sites is the tag itself.
func (t Tag) of(site uint32) Tag {
	// Knuth's multiplicative hash: sites have small numbers.
	return t ^ Tag(uint64(site)*0x9e3779b97f4a7c15)
}

// URL is the tag of all that was asked for by one URL, whatever it is stored under: of
// which its key by itself is the name.
func (r *Rules) URL(key string) Tag { return r.hash(url, "", key) }

// maxGroups is how many groups one answer invalidates: four times what RFC 9875 §2
// asks for. Clients can have an origin send such answers.
const maxGroups = 128

// TagRules are the rules for all of a site that has a tag; site 0 is all sites.
func (r *Rules) TagRules(name string, site uint32) []Rule {
	return []Rule{Tagged(r.hash(named, "", name).of(site)), Tagged(r.hash(every, "", "").of(site))}
}

// GroupRules are the rules for all of a host that is in one of the groups that a
// response invalidates (Cache-Group-Invalidation, RFC 9875 §3).
func (r *Rules) GroupRules(host string, fields []hpack.Field) []Rule {
	var rules []Rule
	for _, name := range rfc9111.Strings(fields, "cache-group-invalidation", maxGroups) {
		rules = append(rules, Tagged(r.hash(group, host, name)))
	}
	if len(rules) > 0 {
		rules = append(rules, Tagged(r.hash(whole, host, "")))
	}
	return rules
}

// Tags are those of a response to a request for host: the words of Surrogate-Key,
// the members of Cache-Tag and of Cache-Groups (RFC 9875 §2). It reports false if
// there are more than [MaxTags].
func (r *Rules) Tags(host string, fields []hpack.Field) (tags []Tag, ok bool) {
	for kind, name := range names(fields) {
		if len(tags) >= MaxTags {
			return []Tag{r.hash(every, "", ""), r.hash(whole, host, "")}, false
		}
		tags = append(tags, r.hash(kind, host, name))
	}
	return tags, true
}

// names are the tags of a response with their kind. The groups are named, too.
func names(fields []hpack.Field) iter.Seq2[byte, string] {
	return func(yield func(byte, string) bool) {
		for i := range fields {
			var separators string
			switch fields[i].Name {
			case "surrogate-key":
				separators = " \t"
			case "cache-tag":
				separators = ","
			default:
				continue
			}
			for name := range strings.FieldsFuncSeq(fields[i].Value, func(c rune) bool { return strings.ContainsRune(separators, c) }) {
				if name = strings.Trim(name, " \t"); name != "" && !yield(named, name) {
					return
				}
			}
		}
		for _, name := range rfc9111.Strings(fields, "cache-groups", MaxTags) {
			if !yield(named, name) || !yield(group, name) {
				return
			}
		}
	}
}

// Names are the tags of a response as text, at most limit.
func Names(fields []hpack.Field, limit int) (all []string) {
	for kind, name := range names(fields) {
		if len(all) >= limit {
			break
		}
		if kind == named {
			all = append(all, name)
		}
	}
	return all
}
