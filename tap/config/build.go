package config

import (
	"crypto/x509"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// domainFromURL takes the site from api_url where no domain is given, as other taps have
// one setting for both. The gateway's address names no site.
func (l *loader) domainFromURL(values map[string]any) {
	address, given := values["api_url"].(string)
	if _, known := values["domain"]; known || !given {
		return
	}
	if _, err := apiBase(address); err != nil {
		l.fail("api_url", err.Error())
	} else if siteURL, _, err := site(address); err == nil {
		values["domain"] = siteURL
	}
}

// autoConcurrency is the default of concurrency with auto_rate: at 20 requests a second, answers
// may take a second each.
const autoConcurrency = 20

// widen gives auto_rate more requests at once, unless the settings say how many.
func widen(values map[string]any) {
	if _, given := values["concurrency"]; !given && flag(values, "auto_rate") {
		values["concurrency"] = float64(autoConcurrency)
	}
}

// build makes the configuration of validated values and checks the rules that the schema
// cannot say. What it makes is of use only if no problem was found.
func (l *loader) build(values map[string]any) *Config {
	c := &Config{
		Email:               text(values, "email"),
		APIToken:            NewSecret(text(values, "api_token")),
		AccessToken:         NewSecret(text(values, "access_token")),
		CloudID:             text(values, "cloud_id"),
		SpaceKeys:           texts(values, "space_keys"),
		ExcludeSpaceKeys:    texts(values, "exclude_space_keys"),
		PageStatus:          texts(values, "page_status"),
		CustomContentTypes:  texts(values, "custom_content_types"),
		BodyFormat:          text(values, "body_format"),
		ExtraStreams:        texts(values, "extra_streams"),
		LookbackWindow:      seconds(values, "lookback_window"),
		AutoRate:            flag(values, "auto_rate"),
		RequestsPerSecond:   figure(values, "requests_per_second"),
		Concurrency:         int(figure(values, "concurrency")),
		PageSize:            int(figure(values, "page_size")),
		MaxRetries:          int(figure(values, "max_retries")),
		MaxRetryWait:        seconds(values, "max_retry_wait"),
		RequestTimeout:      seconds(values, "request_timeout"),
		UserAgent:           text(values, "user_agent"),
		CAFile:              text(values, "ca_file"),
		LogLevel:            text(values, "log_level"),
		LogFormat:           text(values, "log_format"),
		AuditSamples:        int(figure(values, "audit_samples")),
		EmitActivateVersion: flag(values, "emit_activate_version"),
		ValidateRecords:     flag(values, "validate_records"),
	}
	l.addresses(c, values)
	l.credentials(c)
	l.anchor(c, values)
	l.spaces(c)
	l.rate(c)
	l.roots(c)
	if strings.ContainsFunc(c.UserAgent, unicode.IsControl) {
		l.fail("user_agent", "must be one line of plain text")
	}
	return c
}

func (l *loader) addresses(c *Config, values map[string]any) {
	var err error
	if domain := text(values, "domain"); domain != "" {
		if c.SiteURL, c.Site, err = site(domain); err != nil {
			l.fail("domain", err.Error())
		}
	}
	if address := text(values, "api_url"); address != "" {
		if c.APIURL, err = apiBase(address); err != nil {
			l.fail("api_url", err.Error())
		}
	}
}

// credentials wants an access token, or else an email address and its API token.
func (l *loader) credentials(c *Config) {
	l.checkToken("access_token", c.AccessToken)
	if c.AccessToken.Reveal() != "" {
		if c.APIToken.Reveal() != "" {
			l.warn("access_token is used; email and api_token are set too and are not")
		}
		return
	}
	if l.failed("access_token") {
		return
	}
	l.checkToken("api_token", c.APIToken)
	if c.Email == "" {
		l.fail("email", "is missing: give the address of the account that api_token belongs to (or set access_token)")
	} else if !strings.Contains(c.Email, "@") || strings.ContainsFunc(c.Email, unbasic) {
		l.fail("email", "must be an email address, that of the account which api_token belongs to")
	}
	if c.APIToken.Reveal() == "" {
		l.fail("api_token", "is missing: make one at https://id.atlassian.com/manage-profile/security/api-tokens (or set access_token)")
	}
}

// unbasic reports whether a character cannot stand in the user of basic authentication, or
// in an address.
func unbasic(r rune) bool { return r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }

// checkToken refuses what cannot be a token, such as one with a line break from pasting.
func (l *loader) checkToken(name string, token Secret) {
	if strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		l.fail(name, "must be the token alone: ASCII letters, digits and signs, no spaces or line breaks")
	}
}

// anchorLayouts are the forms of anchor_date, all of which the schema's pattern lets
// through; fractions of a second are read without being named.
var anchorLayouts = []string{
	time.DateOnly,
	"2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700",
	"2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700",
}

func (l *loader) anchor(c *Config, values map[string]any) {
	date := text(values, "anchor_date")
	if date == "" || l.failed("anchor_date") {
		return
	}
	at, err := parseDate(date)
	if err != nil {
		l.fail("anchor_date", err.Error())
		return
	}
	// A clock may be a little wrong, and zones differ by a day.
	if at.After(time.Now().AddDate(0, 0, 1)) {
		l.fail("anchor_date", "lies in the future: incremental reads would leave out everything until then")
		return
	}
	// Nothing in Confluence is older than this, and the zero time means that the setting
	// is absent.
	if epoch := time.Unix(0, 0).UTC(); at.Before(epoch) {
		at = epoch
	}
	c.AnchorDate = at
}

func parseDate(text string) (time.Time, error) {
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range anchorLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("is not a date that exists: write it as 2025-01-31 or 2025-01-31T08:00:00Z")
}

func (l *loader) spaces(c *Config) {
	for _, key := range c.SpaceKeys {
		for _, other := range c.ExcludeSpaceKeys {
			if strings.EqualFold(key, other) {
				l.fail("exclude_space_keys", "names "+strconv.Quote(other)+", which space_keys asks for: take it out of one of them")
			}
		}
	}
	if c.EmitActivateVersion && (c.SpaceKeys != nil || c.ExcludeSpaceKeys != nil) {
		l.fail("emit_activate_version", "cannot be used with space_keys or exclude_space_keys: "+
			"a target would remove other spaces' rows")
	}
}

// rate allows no limit only for a server on this machine.
func (l *loader) rate(c *Config) {
	if c.RequestsPerSecond > 0 || l.failed("requests_per_second") || l.failed("domain") || l.failed("api_url") {
		return
	}
	target := c.SiteURL
	if c.APIURL != "" {
		target = c.APIURL
	}
	if !loopbackURL(target) {
		l.fail("requests_per_second", "must be more than 0 (no limit is only for a server on this machine)")
	}
}

// roots checks that the file of trusted roots can be read and holds a certificate.
func (l *loader) roots(c *Config) {
	if c.CAFile == "" {
		return
	}
	pem, err := read(c.CAFile, nil)
	if err != nil {
		l.fail("ca_file", strconv.Quote(c.CAFile)+": "+err.Error())
	} else if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		l.fail("ca_file", strconv.Quote(c.CAFile)+" holds no certificate in PEM form")
	}
}

// The values of settings that failed validation may be of another type; they read as zero.

func text(values map[string]any, name string) string {
	s, _ := values[name].(string)
	return s
}

func texts(values map[string]any, name string) []string {
	items, _ := values[name].([]any)
	var list []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

func figure(values map[string]any, name string) float64 {
	f, _ := values[name].(float64)
	return f
}

func seconds(values map[string]any, name string) time.Duration {
	return time.Duration(figure(values, name)) * time.Second
}

func flag(values map[string]any, name string) bool {
	b, _ := values[name].(bool)
	return b
}
