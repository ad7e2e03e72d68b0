package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/config"
)

// gatewayURL is Atlassian's gateway, which alone takes OAuth tokens and API tokens with
// scopes. A site's routes lie below gatewayPath and its cloud id.
const (
	gatewayURL  = "https://api.atlassian.com"
	gatewayPath = "/ex/confluence/"
)

// Site is what the probe has found out.
type Site struct {
	URL       string // address that requests go to, the gateway's prefix included
	Gateway   bool   // requests go through the gateway
	CloudID   string // the site's id, if it was needed
	AccountID string // the account that the credentials belong to
	User      string // its display name, or empty
}

// Probe finds out whether the site answers this account: it asks who is signed in, which
// nobody can be told anonymously. Errors are of type *Error and say what to do; KindScope
// means only that the token lacks the scope for the question, not that it is bad.
//
// A token with scopes is refused by the site itself and accepted by the gateway. So when
// the site refuses basic credentials, the gateway is asked too, and used from then on if it
// knows them.
func (c *Client) Probe(ctx context.Context) (Site, error) {
	base, err := c.address(ctx)
	if err != nil {
		return Site{}, err
	}
	site, err := c.whoami(ctx, base)
	if err == nil || isGateway(base) || !c.refused(err) {
		return site, err
	}
	cloudID, lookupErr := c.tenant(ctx)
	if lookupErr != nil {
		return site, withHint(err, "; the site's cloud id, which a token with scopes needs, could not be looked up: set cloud_id")
	}
	gateway := c.gateway(cloudID)
	other, otherErr := c.whoami(ctx, gateway)
	if otherErr != nil && KindOf(otherErr) != KindScope {
		return site, err // the site's own words say more
	}
	c.log.Info("the token works through the gateway: using it", "cloud_id", cloudID)
	c.mu.Lock()
	c.base, c.cloudID = gateway, cloudID
	c.mu.Unlock()
	other.CloudID = cloudID
	return other, otherErr
}

// withHint adds to what the user can do.
func withHint(err error, more string) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Hint += more
	}
	return err
}

// refused says whether the site may have refused a token that the gateway would take.
func (c *Client) refused(err error) bool {
	switch KindOf(err) {
	case KindToken, KindAnonymous, KindForbidden, KindScope, KindLoginPage:
		return true
	default:
		return false
	}
}

// whoami asks the site at base who is signed in (GET /wiki/rest/api/user/current).
func (c *Client) whoami(ctx context.Context, base string) (Site, error) {
	c.mu.Lock()
	site := Site{URL: base, Gateway: isGateway(base), CloudID: c.cloudID}
	c.mu.Unlock()
	k := &call{
		base: base, probe: true,
		req: Request{
			Path:   "/wiki/rest/api/user/current",
			Scopes: []string{"read:confluence-user", "read:content-details:confluence"},
		},
		parse: func(b *buffer, _ http.Header) error {
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
				return &Error{Kind: KindSite, Message: "what answers there is no Confluence", Hint: hintSite}
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

// checkAddress refuses what credentials must not be sent to. The settings are checked
// before; this keeps the promise whoever fills them in.
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

// isLoopback says whether an address is of this machine.
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

// cloudIDUnknown adds to a failed lookup what gets around it. An unknown site stays that.
func cloudIDUnknown(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Kind != KindStopped {
		e.Message = "looking up the site's cloud id: " + e.reason()
		e.Status = 0
		e.Hint = "set cloud_id, or check domain"
	}
	return err
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
