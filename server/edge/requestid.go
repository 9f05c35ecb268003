package edge

import (
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
	"github.com/e0ac7cd4/hotpath/server/rules"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// identify gives a request that may reach an upstream its ID: what a trusted proxy
// calls it, else a new one. It is in no key, and no answer has it: one that is stored,
// or that several requests wait for, is to all of them.
func identify(x *message.Exchange, s *site.Site) (id string) {
	if !s.RequestIDs {
		return ""
	}
	if x.Trusted {
		id = requestid.Given(x.Fields)
	}
	if id == "" {
		id = requestid.New()
	}
	x.Account.Named(id)
	return id
}

// withID are the fields of a request to an upstream with its ID, in place of whatever
// the client called it, or had a CGI server read as that. Its Connection does not
// remove it.
func withID(fields []hpack.Field, id string) []hpack.Field {
	if id == "" {
		return fields
	}
	set := rules.Fields{Set: []hpack.Field{{Name: requestid.Field, Value: id}}}
	return set.Apply(fields)
}
