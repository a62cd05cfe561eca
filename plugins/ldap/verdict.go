package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

// judge translates what a directory answers to a person's bind: nil, or an error that
// wraps sdk.ErrDenied or sdk.ErrUnavailable. The reason stands in the result code,
// a control or the text, depending on the make of the directory.
func judge(err error, controls []control) error {
	policy, told := passwordPolicy(controls)
	switch code := resultCode(err); code {
	case ldap.LDAPResultSuccess:
		if policy == sdk.MustChange { // the person is let in to change the password and for nothing else
			return sdk.Denied(policy)
		}
		return nil
	case ldap.LDAPResultInvalidCredentials:
		if told {
			return sdk.Denied(policy)
		}
		return sdk.Denied(activeDirectoryReason(err.Error()))
	case ldap.LDAPResultNoSuchObject, ldap.LDAPResultInappropriateAuthentication:
		return sdk.Denied(sdk.Invalid) // the entry is gone since it was found, or has no password
	case ldap.LDAPResultConstraintViolation:
		return sdk.Denied(sdk.Locked) // 389: "Exceed password retry limit"
	case ldap.LDAPResultUnwillingToPerform:
		if told {
			return sdk.Denied(policy)
		}
		if strings.Contains(strings.ToLower(err.Error()), "inactivated") { // 389: "Account inactivated"
			return sdk.Denied(sdk.Disabled)
		}
	}
	return sdk.Unavailable(fmt.Errorf("bind as the person: %w", err))
}

// resultCode is an error's result code, where no error is success.
func resultCode(err error) uint16 {
	if err == nil {
		return ldap.LDAPResultSuccess
	}
	if e, ok := errors.AsType[*ldap.Error](err); ok {
		return e.ResultCode
	}
	return ldap.LDAPResultOther
}

// passwordPolicy reads the controls with which a directory explains a bind:
// draft-behera-ldap-password-policy and its forerunner, draft-vchu-ldap-pwd-policy.
func passwordPolicy(controls []control) (reason sdk.Reason, told bool) {
	for _, c := range controls {
		switch c.oid {
		case ldap.ControlTypeBeheraPasswordPolicy:
			switch policyError(c.value) {
			case 0:
				return sdk.Expired, true
			case 1:
				return sdk.Locked, true
			case 2:
				return sdk.MustChange, true
			}
		case ldap.ControlTypeVChuPasswordMustChange:
			return sdk.MustChange, true
		}
	}
	return "", false
}

// subCode is where Active Directory says why: "80090308: LdapErr: DSID-0C09042A,
// comment: AcceptSecurityContext error, data 52e, v3839". The numbers are
// Windows error codes.
var subCode = regexp.MustCompile(`AcceptSecurityContext error, data ([0-9a-fA-F]+)`)

var activeDirectoryReasons = map[string]sdk.Reason{
	"52f": sdk.Disabled,   // restricted account
	"530": sdk.Locked,     // not at this time
	"531": sdk.Locked,     // not from this machine
	"532": sdk.Expired,    // password
	"533": sdk.Disabled,   // account
	"701": sdk.Expired,    // account
	"773": sdk.MustChange, // password
	"775": sdk.Locked,     // account
}

func activeDirectoryReason(text string) sdk.Reason {
	match := subCode.FindStringSubmatch(text)
	if match == nil {
		return sdk.Invalid
	}
	if reason, ok := activeDirectoryReasons[strings.ToLower(match[1])]; ok {
		return reason
	}
	return sdk.Invalid
}
