package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/config"
)

// gatewayURL is Atlassian's gateway, which alone takes OAuth tokens and API tokens with
// scopes. A site's routes lie below gatewayPath and its cloud id.
const (
	gatewayURL  = "https://api.atlassian.com"
	gatewayPath = "/ex/confluence/"
)

// Site is the result of a probe.
type Site struct {
	URL       string // address that requests go to, the gateway's prefix included
	Gateway   bool   // requests go through the gateway
	CloudID   string // the site's id, if it was needed
	AccountID string // the account that the credentials belong to
	User      string // its display name, or empty
	// Unnamed says why the site takes the credentials without naming their account: the route that
	// names it is closed, or the token lacks its scope. Nil if it names the account.
	Unnamed error
	// Date is the site's time when it told, from the Date header; zero if it did not.
	Date time.Time
}

// Probe asks the site who is signed in. The site does not answer that to anonymous requests, so an
// answer proves the account. If that route is closed but version 2 of the API answers, the site is
// Unnamed. Errors are of type *Error and say what to do.
//
// The site itself refuses a token with scopes; only the gateway takes it. So if the site refuses basic
// credentials, Probe asks the gateway too. If that knows them, the client uses it from then on.
func (c *Client) Probe(ctx context.Context) (Site, error) {
	site, err := c.findAccount(ctx)
	if err != nil {
		return site, err
	}
	c.account.site.Store(&site)
	return site, nil
}

// findAccount asks the site, and the gateway if the site refuses a token that it may take.
func (c *Client) findAccount(ctx context.Context) (Site, error) {
	base, err := c.address(ctx)
	if err != nil {
		return Site{}, err
	}
	site, err := c.whoami(ctx, base, false)
	if err != nil && !isGateway(base) && refused(err) {
		other, otherErr := c.throughGateway(ctx)
		if otherErr == nil {
			return other, nil
		}
		if other.CloudID == "" {
			err = withHint(err, "; the site's cloud id could not be looked up: set cloud_id")
		}
	}
	return c.otherProof(ctx, site, err, false)
}

// throughGateway asks the gateway who is signed in, and uses it from then on if it knows. On
// an error the site has a CloudID only if that could be looked up.
func (c *Client) throughGateway(ctx context.Context) (Site, error) {
	cloudID, err := c.tenant(ctx)
	if err != nil {
		return Site{}, err
	}
	gateway := c.gateway(cloudID)
	site, err := c.introduce(ctx, gateway, false)
	site.CloudID = cloudID
	if err != nil {
		return site, err
	}
	c.log.Info("the token works through the gateway: using it", "cloud_id", cloudID)
	c.mu.Lock()
	c.base, c.cloudID = gateway, cloudID
	c.mu.Unlock()
	return site, nil
}

// withHint adds to what the user can do.
func withHint(err error, more string) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Hint += more
	}
	return err
}

// refused reports whether the site may have refused a token that the gateway would take.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || addressRefused(strings.ToLower(e.words)) {
		return false
	}
	switch e.Kind {
	case KindToken, KindAnonymous, KindForbidden, KindLoginPage:
		return true
	default:
		return false
	}
}

// introduce asks the site at base who is signed in, and if it can't say that, whether it
// answers the account at all. Brief is for a site that has answered before.
func (c *Client) introduce(ctx context.Context, base string, brief bool) (Site, error) {
	site, err := c.whoami(ctx, base, brief)
	return c.otherProof(ctx, site, err, brief)
}

// otherProof looks for another sign that the site takes the credentials when err only says
// that it can't tell whose they are. Any other err comes back as it is.
func (c *Client) otherProof(ctx context.Context, site Site, err error, brief bool) (Site, error) {
	switch {
	case KindOf(err) == KindScope: // which only a good token is told
		site.Unnamed = err
		return site, nil
	case !closed(err):
		return site, err
	}
	other, otherErr := c.unnamed(ctx, site.URL, err, brief)
	if otherErr != nil {
		return site, err // the first words say more
	}
	return other, nil
}

// closed reports whether an answer refuses only the route that tells the account, and nothing
// else.
func closed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Kind {
	case KindGone:
		return true
	case KindForbidden:
		text := strings.ToLower(e.words)
		return !addressRefused(text) && !accountRefused(text)
	case KindServer:
		return e.Status == http.StatusInternalServerError || e.Status == http.StatusNotImplemented
	default:
		return false
	}
}

// accountRefused reports whether the words are about the account, and not the route.
func accountRefused(text string) bool {
	return strings.Contains(text, "account") || strings.Contains(text, "licen")
}

// unnamed asks the site at base for one space (GET /wiki/api/v2/spaces). A token that lacks only the
// scope for it is a good one, too. Why is the reason that the account has no name.
func (c *Client) unnamed(ctx context.Context, base string, why error, brief bool) (Site, error) {
	k := &call{
		base: base, probe: true, brief: brief,
		req: Request{
			Path: "/wiki/api/v2/spaces", Query: [][2]string{{"limit", "1"}},
			Scopes: []string{"read:space:confluence"},
		},
		parse: func(b *buffer, _ http.Header) error { return b.page.Parse(b.body) },
	}
	site := c.siteAt(base)
	site.Unnamed = why
	l, err := c.do(ctx, k)
	if err == nil {
		l.release()
	} else if KindOf(err) != KindScope {
		return c.siteAt(base), err
	}
	return site, nil
}

// siteAt is the site at base before anything is known of the account.
func (c *Client) siteAt(base string) Site {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Site{URL: base, Gateway: isGateway(base), CloudID: c.cloudID}
}

// whoami asks the site at base who is signed in (GET /wiki/rest/api/user/current).
func (c *Client) whoami(ctx context.Context, base string, brief bool) (Site, error) {
	site := c.siteAt(base)
	k := &call{
		base: base, probe: true, brief: brief,
		req: Request{
			Path:   "/wiki/rest/api/user/current",
			Scopes: []string{"read:confluence-user", "read:content-details:confluence"},
		},
		parse: func(b *buffer, h http.Header) error {
			site.Date = dateOf(h)
			user, err := rawjson.ParseObject(b.body)
			if err != nil {
				return err
			}
			kind, _ := user.Get("type").Text()
			site.AccountID, _ = user.Get("accountId").Text()
			switch {
			case kind == "anonymous":
				return anonymousError(&Error{})
			case kind == "" && site.AccountID == "":
				return &Error{Kind: KindSite, Message: "what answers there is no Confluence", Hint: c.hintAddress(base)}
			}
			name, _ := user.Get("displayName").Text()
			site.User = clean(name)
			return nil
		},
	}
	l, err := c.do(ctx, k)
	if err != nil {
		return site, err
	}
	l.release()
	return site, nil
}

// startingBase returns where requests go, or "" where the gateway has to be found first.
func startingBase(cfg *config.Config) (string, error) {
	base := cfg.SiteURL
	if cfg.APIURL != "" {
		base = strings.TrimSuffix(cfg.APIURL, "/")
	}
	if err := checkAddress(base); err != nil {
		return "", err
	}
	switch {
	case isGateway(base):
		return base, nil
	case cfg.CloudID != "":
		if !validCloudID(cfg.CloudID) {
			return "", errors.New("cloud_id is not the id of a site: it has letters, digits and dashes only")
		}
		return gatewayOf(cfg, cfg.CloudID), nil
	case cfg.AccessToken.Reveal() != "":
		return "", nil
	default:
		return base, nil
	}
}

// checkAddress refuses an address that credentials must not be sent to. Package config has checked the
// settings; this check also covers callers that made them in another way.
func checkAddress(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return errors.New("domain or api_url is not the address of a site, such as acme.atlassian.net")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(base)) {
		return errors.New("domain or api_url: plain http is allowed to this machine only, use https")
	}
	return nil
}

// isLoopback reports whether an address is of this machine.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// address returns where requests go. With an access token that is the gateway, for which
// the site's id is looked up once.
func (c *Client) address(ctx context.Context) (string, error) {
	c.mu.Lock()
	base := c.base
	c.mu.Unlock()
	if base != "" {
		return base, nil
	}
	cloudID, err := c.tenant(ctx)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base == "" {
		c.base, c.cloudID = c.gateway(cloudID), cloudID
	}
	return c.base, nil
}

// tenant asks the site for its cloud id, without credentials (GET /_edge/tenant_info).
func (c *Client) tenant(ctx context.Context) (string, error) {
	base := c.cfg.SiteURL
	if c.cfg.APIURL != "" {
		base = strings.TrimSuffix(c.cfg.APIURL, "/")
	}
	var cloudID string
	k := &call{
		base: base, open: true, probe: true,
		req: Request{Path: "/_edge/tenant_info"},
		parse: func(b *buffer, _ http.Header) error {
			doc, err := rawjson.ParseObject(b.body)
			if err != nil {
				return err
			}
			cloudID, _ = doc.Get("cloudId").Text()
			if !validCloudID(cloudID) {
				return &Error{Kind: KindMalformed, Message: "the site does not tell its cloud id"}
			}
			return nil
		},
	}
	l, err := c.do(ctx, k)
	if err != nil {
		return "", cloudIDUnknown(err)
	}
	l.release()
	return cloudID, nil
}

// cloudIDUnknown adds to a failed lookup what gets around it, unless nothing could be asked.
func cloudIDUnknown(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Kind != KindStopped {
		e.Message = "looking up the site's cloud id: " + e.reason()
		e.Status = 0
		if e.Kind != KindNetwork {
			e.Hint = "set cloud_id, or check domain"
		}
	}
	return err
}

// hintAddress says which setting to look at when no Confluence answers at base.
func (c *Client) hintAddress(base string) string {
	switch meant := c.cfg.SiteMeant(); {
	case c.cfg.APIURL != "" && strings.Contains(withoutScheme(c.cfg.APIURL), "/"):
		return "check api_url: it has to be an address that /wiki follows"
	case c.cfg.APIURL != "":
		return "check domain and api_url"
	case isGateway(base):
		return "check domain and cloud_id"
	case meant != "":
		return "check domain: did you mean " + meant + "?"
	default:
		return hintSite
	}
}

func (c *Client) gateway(cloudID string) string { return gatewayOf(c.cfg, cloudID) }

// gatewayOf returns the gateway's address for a site. A site on this machine is its own
// gateway: its credentials are not for Atlassian.
func gatewayOf(cfg *config.Config, cloudID string) string {
	host := gatewayURL
	switch {
	case cfg.APIURL != "":
		host = strings.TrimSuffix(cfg.APIURL, "/")
	case isLoopback(cfg.SiteURL):
		host = cfg.SiteURL
	}
	return host + gatewayPath + cloudID
}

func isGateway(base string) bool { return strings.Contains(base, gatewayPath) }

// validCloudID keeps what comes from outside from becoming more than one part of a path.
func validCloudID(id string) bool {
	return regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`).MatchString(id)
}
