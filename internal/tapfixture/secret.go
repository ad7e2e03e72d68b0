package tapfixture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tail is how many characters of a secret are left off when it is looked for: a piece that
// long would do for the rest to be guessed, but not for the secret to be cut in the middle.
const tail = 6

// Spellings returns a credential, alone and as the pair that basic authentication makes of
// it, in the encodings in which it could leak: as it is, in addresses, in JSON once and
// twice, in Go, in HTML, in base64, in hex and as a list of bytes. Each is cut at its end,
// and none holds another one.
func Spellings(email, secret string) []string {
	var all []string
	for _, text := range []string{secret, email + ":" + secret, ":" + secret} {
		quoted, err := json.Marshal(text)
		if err != nil {
			panic(err) // text is always JSON
		}
		q := string(quoted[1 : len(quoted)-1])
		all = append(all,
			text, url.QueryEscape(text), url.PathEscape(text), q, strings.ReplaceAll(q, "/", `\/`),
			strings.Trim(strconv.Quote(text), `"`), strings.Trim(strconv.Quote(q), `"`), html.EscapeString(text),
			fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), strings.Trim(fmt.Sprint([]byte(text)), "[]"))
		for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			coded := coding.EncodeToString([]byte(text))
			all = append(all, coded, url.QueryEscape(coded), strings.ReplaceAll(coded, "/", `\/`))
		}
	}
	for i, s := range all {
		all[i] = s[:len(s)-tail]
	}
	slices.SortFunc(all, func(a, b string) int { return len(a) - len(b) })
	var least []string
	for _, s := range all {
		if !slices.ContainsFunc(least, func(shorter string) bool { return strings.Contains(s, shorter) }) {
			least = append(least, s)
		}
	}
	return least
}

// NoSecrets fails the test if a secret is anywhere in the output, in any spelling.
func NoSecrets(t testing.TB, output []byte, email string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, s := range Spellings(email, secret) {
			if at := bytes.Index(output, []byte(s)); at >= 0 {
				t.Errorf("the output shows a secret: ...%q", output[max(0, at-200):min(len(output), at+len(s)+50)])
			}
		}
	}
}
