package sdk

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

func requestToWire(r Request) *pluginpb.AuthenticateRequest {
	remote := ""
	if r.Remote.IsValid() {
		remote = r.Remote.String()
	}
	return &pluginpb.AuthenticateRequest{
		Credential: &pluginpb.Credential{
			Kind:     string(r.Credential.Kind),
			Username: r.Credential.Username,
			Secret:   []byte(r.Credential.Secret.Reveal()),
			Type:     r.Credential.Type,
		},
		Issuer:     r.Issuer,
		ClientId:   r.ClientID,
		Attributes: r.Attributes,
		Remote:     remote,
	}
}

func requestFromWire(m *pluginpb.AuthenticateRequest) Request {
	c := m.GetCredential()
	remote, _ := netip.ParseAddr(m.GetRemote()) // not an address: unknown
	return Request{
		Credential: Credential{
			Kind:     Kind(c.GetKind()),
			Username: c.GetUsername(),
			Secret:   Secret(c.GetSecret()),
			Type:     c.GetType(),
		},
		Issuer:     m.GetIssuer(),
		ClientID:   m.GetClientId(),
		Attributes: m.GetAttributes(),
		Remote:     remote,
	}
}

// identityToWire checks id: what it returns is what identityFromWire accepts.
func identityToWire(id Identity) (*pluginpb.Identity, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	claims, err := encodeClaims(id.Claims)
	if err != nil {
		return nil, err
	}
	m := &pluginpb.Identity{
		Subject:      id.Subject,
		Username:     id.Username,
		Name:         id.Name,
		Email:        id.Email,
		Organisation: id.Organisation,
		Unit:         id.Unit,
		Units:        id.Units,
		Groups:       id.Groups,
		Roles:        id.Roles,
		Claims:       claims,
	}
	if id.Scopes != nil {
		m.Scopes = &pluginpb.StringList{Values: id.Scopes}
	}
	if id.Audience != nil {
		m.Audience = &pluginpb.StringList{Values: id.Audience}
	}
	if !id.Expires.IsZero() {
		m.ExpiresMs = id.Expires.UnixMilli()
		if m.ExpiresMs == 0 { // 1970 to the millisecond is long over, not never
			m.ExpiresMs = 1
		}
	}
	return m, nil
}

// identityFromWire believes nothing: m comes from another process.
func identityFromWire(m *pluginpb.Identity) (Identity, error) {
	claims, err := decodeClaims(m.GetClaims())
	if err != nil {
		return Identity{}, err
	}
	id := Identity{
		Subject:      m.GetSubject(),
		Username:     m.GetUsername(),
		Name:         m.GetName(),
		Email:        m.GetEmail(),
		Organisation: m.GetOrganisation(),
		Unit:         m.GetUnit(),
		Units:        m.GetUnits(),
		Groups:       m.GetGroups(),
		Roles:        m.GetRoles(),
		Scopes:       listFromWire(m.GetScopes()),
		Audience:     listFromWire(m.GetAudience()),
		Claims:       claims,
	}
	if ms := m.GetExpiresMs(); ms != 0 {
		id.Expires = time.UnixMilli(ms)
		if y := id.Expires.Year(); y < 1 || y > 9999 { // what JSON can say
			return Identity{}, fmt.Errorf("expires in the year %d", y)
		}
	}
	return id, id.Check()
}

// listFromWire keeps the difference between no list (nil) and an empty one.
func listFromWire(m *pluginpb.StringList) []string {
	if m == nil {
		return nil
	}
	if m.Values == nil {
		return []string{}
	}
	return m.Values
}

func descriptionToWire(d Description) *pluginpb.DescribeResponse {
	m := &pluginpb.DescribeResponse{Name: d.Name, Version: d.Version, Schema: d.Schema}
	for _, k := range d.Kinds {
		m.Kinds = append(m.Kinds, string(k))
	}
	for _, a := range d.Abilities {
		m.Abilities = append(m.Abilities, string(a))
	}
	return m
}

func descriptionFromWire(m *pluginpb.DescribeResponse) Description {
	d := Description{Name: m.GetName(), Version: m.GetVersion(), Schema: m.GetSchema()}
	for _, k := range m.GetKinds() {
		d.Kinds = append(d.Kinds, Kind(k))
	}
	for _, a := range m.GetAbilities() {
		d.Abilities = append(d.Abilities, Ability(a))
	}
	return d
}
