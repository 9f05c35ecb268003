package origin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// pageFormat is the body of every answer that is not a resource: the status
// twice, in the title and as the heading.
const pageFormat = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%[1]d %[2]s</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;text-align:center}</style>
<h1>%[1]d</h1>
<p>%[2]s</p>
</html>
`

// Page is a small HTML page that says what a status means, with further
// fields, names in lower case. It has no validator: it is not to be stored.
func Page(status int, fields ...hpack.Field) *message.Response {
	all := append([]hpack.Field{{Name: "content-type", Value: "text/html; charset=utf-8"}}, fields...)
	body := fmt.Appendf(nil, pageFormat, status, http.StatusText(status))
	return message.New(status, all, body, "", time.Time{})
}

// notFound is made once: it is what a scan asks for all day.
var notFound = Answer{Response: Page(http.StatusNotFound)}
