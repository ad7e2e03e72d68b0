package simconfluence

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// ErrorShape is one of the shapes in which Confluence, its gateway and what stands before
// them put the words of an error.
type ErrorShape struct {
	// Name says where the words are.
	Name string
	// ContentType is the type of the body.
	ContentType string
	// body has %s where the words are, and where so, %d for the status.
	body string
}

const jsonType = "application/json"

// ErrorShapes are the twelve shapes that were seen on real sites.
func ErrorShapes() []ErrorShape {
	return []ErrorShape{
		{"errors[].title", jsonType, `{"errors":[{"status":%d,"code":"ERROR","title":"%s","detail":null}]}`},
		{"errors[].detail", jsonType, `{"errors":[{"status":%d,"code":"ERROR","title":"Error","detail":"%s"}]}`},
		{"errors[].message", jsonType, `{"errors":[{"message":"%s"}],"status":%d}`},
		{"errors[]", jsonType, `{"errors":["%s"]}`},
		{"errorMessages[]", jsonType, `{"errorMessages":["%s"],"errors":{}}`},
		{"error.message", jsonType, `{"error":{"code":%d,"message":"%s"}}`},
		{"message", jsonType, `{"statusCode":%d,"message":"%s"}`},
		{"message beside a code", jsonType, `{"code":%d,"message":"%s"}`},
		{"data.errors[].message.translation", jsonType,
			`{"statusCode":%d,"data":{"authorized":false,"valid":true,"errors":[{"message":{"translation":"%s","args":[]}}],"successful":false},"message":""}`},
		{"detail of problem+json", "application/problem+json", `{"type":"about:blank","title":"Error","status":%d,"detail":"%s"}`},
		{"plain text", "text/plain;charset=UTF-8", "%s"},
		{"title of a page", "text/html;charset=UTF-8", "<!DOCTYPE html>\n<html><head><title>%s</title></head><body><p>%d</p></body></html>\n"},
	}
}

// Body returns the body of an error in this shape.
func (e ErrorShape) Body(status int, words string) string {
	if strings.HasPrefix(e.ContentType, "application/") {
		words = string(escaped(words))
	}
	return strings.NewReplacer("%s", words, "%d", strconv.Itoa(status)).Replace(e.body)
}

// Fault answers with a status and the words in this shape.
func (e ErrorShape) Fault(status int, words string, header ...string) Fault {
	return Status(status, e.Body(status, words), append([]string{"Content-Type: " + e.ContentType}, header...)...)
}

// escaped is text as the inside of a JSON string.
func escaped(text string) []byte {
	quoted := appendQuoted(nil, text)
	return quoted[1 : len(quoted)-1]
}

// Values of the header X-Seraph-LoginReason. The first two mean that nobody is signed in,
// the third that somebody is who lacks the right.
const (
	LoginFailed   = "AUTHENTICATED_FAILED"
	LoginDenied   = "AUTHENTICATION_DENIED"
	LoginNoRights = "AUTHORISATION_FAILED"
)

// Denied answers 403 with a reason in X-Seraph-LoginReason.
func Denied(reason string) Fault {
	return Status(http.StatusForbidden, `{"statusCode":403,"message":"Not allowed"}`, "X-Seraph-LoginReason: "+reason)
}

// BareNotFound answers the 404 that names nothing.
func BareNotFound() Fault {
	return Status(http.StatusNotFound, `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}`)
}

// EdgeNotFound answers the 404 of an edge server: a page for people.
func EdgeNotFound() Fault {
	return Status(http.StatusNotFound, "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>nginx</body></html>\n",
		"Content-Type: text/html")
}

// Unauthenticated answers 401.
func Unauthenticated() Fault {
	return Status(http.StatusUnauthorized, `{"code":401,"message":"Unauthorized"}`)
}

// RefuseCursor answers 400 to a request that goes on in a list, as to a cursor that is no
// longer good, and leaves others alone.
func RefuseCursor() Fault {
	return Where(func(r *http.Request) bool { return r.URL.Query().Has("cursor") }, Status(http.StatusBadRequest,
		`{"errors":[{"status":400,"code":"INVALID_REQUEST_PARAMETER","title":"Provided value for 'cursor' is not the correct type.`+
			` Expected type is Cursor.","detail":"The provided cursor was not valid. You can get a new valid cursor by making the`+
			` original pagination request again."}]}`))
}

// WhoAmI has the route of the current user answer a status, with words in the usual shape.
func WhoAmI(status int) Fault {
	return On(userCurrent, Status(status, ErrorShapes()[6].Body(status, http.StatusText(status))))
}

// FirstRowOnly takes all rows but the first out of an offset list's answer, and says that
// more follow.
func FirstRowOnly() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		start, err := strconv.Atoi(r.URL.Query().Get("start"))
		if err != nil {
			start = 0
		}
		link := strings.TrimPrefix(r.URL.Path, "/wiki") + "?start=" + strconv.Itoa(start+1)
		return Rewrite(func(body []byte) []byte { return firstRow(body, link) })(w, r, next)
	}
}

// firstRow is a list's answer with its first row alone, and a link to the next.
func firstRow(body []byte, link string) []byte {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return body
	}
	rows, _ := answer["results"].([]any)
	links, _ := answer["_links"].(map[string]any)
	if len(rows) == 0 || links == nil {
		return body
	}
	answer["results"], answer["size"], links["next"] = rows[:1], 1, link
	cut, err := json.Marshal(answer)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	return cut
}
