package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
)

// gateway is the host of Atlassian's API gateway. It serves all sites, so that none can be
// named by it.
const gateway = "api.atlassian.com"

// cloud is the domain of the sites.
const cloud = "atlassian.net"

// hostname matches names of DNS in lower case.
var hostname = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// site normalises the domain setting: a site's name, its host, or an address of it with
// anything behind the host. It returns scheme and host, and the host alone (with a port if
// there is one). Errors do not quote the value.
func site(text string) (siteURL, host string, err error) {
	u, err := parseURL(text)
	if err != nil {
		return "", "", err
	}
	if u.Port() == "" && !strings.Contains(u.Host, ".") && !loopback(u.Host) && !isIP(u.Hostname()) {
		u.Host += "." + cloud
	}
	if u.Hostname() == gateway {
		return "", "", errors.New("is the address of the gateway: give the site's own, such as acme.atlassian.net")
	}
	return u.Scheme + "://" + u.Host, u.Host, nil
}

// apiBase normalises the api_url setting: the address without the API's own path.
func apiBase(text string) (string, error) {
	u, err := parseURL(text)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("must end with its path: leave out what follows the ? or #")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	for _, end := range []string{"/rest/api", "/api/v2"} {
		if rest, ok := strings.CutSuffix(path, "/wiki"+end); ok {
			path = rest + "/wiki"
			break
		}
	}
	path = strings.TrimRight(strings.TrimSuffix(path, "/wiki"), "/")
	return u.Scheme + "://" + u.Host + path, nil
}

// SiteMeant returns the host that a mistyped one probably stands for, such as
// acme.atlassian.net for acme.atlasian.net, or "" if nothing looks mistyped. It is meant for
// a site that doesn't answer: a host that looks so may well exist.
func (c *Config) SiteMeant() string {
	labels := strings.Split(c.Site, ".")
	if len(labels) < 3 {
		return ""
	}
	name, end := strings.Join(labels[:len(labels)-2], "."), strings.Join(labels[len(labels)-2:], ".")
	if end == cloud || nearest.Name(end, []string{cloud, "atlassian.com"}) == "" {
		return ""
	}
	return name + "." + cloud
}

// parseURL reads an address, with or without its scheme, and refuses those that
// credentials must not be sent to or that carry some.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = defaultScheme(text) + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not an address that can be read")
	}
	if u.User != nil || strings.Contains(u.Host, "@") {
		return nil, errors.New("must not hold a user or password: they have settings of their own")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(strings.TrimSuffix(u.Host, ":"))
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	name := u.Hostname()
	if !hostname.MatchString(name) && !isIP(name) || len(name) > 253 {
		return nil, errors.New(`does not name a host: write it as "acme.atlassian.net"`)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Host):
	case u.Scheme == "http":
		return nil, errors.New("would send the credentials unencrypted: write it with https://")
	default:
		return nil, errors.New("must begin with https://")
	}
	return u, nil
}

// defaultScheme is https but for servers on this machine.
func defaultScheme(text string) string {
	if host, _, _ := strings.Cut(text, "/"); loopback(strings.ToLower(host)) {
		return "http"
	}
	return "https"
}

// loopback reports whether a host, with or without a port, is this machine.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

func isIP(name string) bool {
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Zone() == ""
}

// loopbackURL reports whether an address that parseURL accepted is this machine.
func loopbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && loopback(u.Host)
}
