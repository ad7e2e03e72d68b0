package site

import (
	"context"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Roles is what the site tells of its space roles.
type Roles int

const (
	// RolesUntold means that the site does not tell.
	RolesUntold Roles = iota
	// NoRoles means that the site has only permissions: it is from before roles.
	NoRoles
	// HasRoles means that the site has roles, beside permissions or in their place.
	HasRoles
)

// roles asks for the mode of the site's roles (GET /space-role-mode). An error interrupts the sync. An
// answer that does not tell is RolesUntold.
func (s *Site) roles(ctx context.Context) (Roles, error) {
	doc, err := s.client.Get(ctx, client.Request{Path: stream.Path("/space-role-mode", ""), Scopes: []string{"read:configuration:confluence"}})
	if err != nil {
		s.log.Debug("not known: whether the site has space roles", "error", err)
		return RolesUntold, s.Judge(ctx, err)
	}
	switch doc.Get("mode").AsText() {
	case "PRE_ROLES":
		return NoRoles, nil
	case "":
		return RolesUntold, nil
	}
	return HasRoles, nil
}
