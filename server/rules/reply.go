package rules

import (
	"errors"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// ErrPage is what a [Answers.Sink] returns to an origin whose content is not
// needed: a page has taken its place.
var ErrPage = errors.New("the content is not needed: a page of the site stands in for it")

// Reply returns to, by the rules: what goes through it has them.
func (a *Answers) Reply(to message.Reply) message.Reply {
	if a == nil {
		return to
	}
	return &reply{to, a}
}

type reply struct {
	message.Reply
	answers *Answers
}

func (r *reply) Send(resp *message.Response) {
	r.Reply.Send(r.answers.Rewrite(r.answers.page(resp)))
}

func (r *reply) Follow(resp *message.Response, f *message.Follower) {
	r.Reply.Follow(r.answers.Rewrite(resp), f)
}

func (r *reply) Head(h message.Head) error {
	h.Fields = r.answers.Fields(h.Fields)
	h.Unnamed = h.Unnamed || r.answers.fields != nil && r.answers.fields.replaces(message.ServerField.Name)
	return r.Reply.Head(h)
}
