package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/database"
)

// personFlags are the facts of a person that add and set take.
type personFlags struct{ given database.User }

func (f *personFlags) flags(c *cobra.Command) {
	u := &f.given
	c.Flags().StringVar(&u.Name, "name", "", "for display")
	c.Flags().StringVar(&u.Email, "email", "", "e-mail address, by which they may log in as by their user name")
	c.Flags().BoolVar(&u.EmailVerified, "email-verified", false, "the address is known to be theirs")
	c.Flags().StringSliceVar(&u.Groups, "group", nil, "a group that they are in")
	c.Flags().StringSliceVar(&u.Roles, "role", nil, "a role that they have")
	c.Flags().StringSliceVar(&u.Units, "unit", nil, "a unit of the organisation that is theirs")
	c.Flags().StringVar(&u.DefaultUnit, "default-unit", "", "the unit of a login that names none")
	c.Flags().StringVar(&u.UserType, "user-type", "", "what kind of user they are")
	c.Flags().StringVar(&u.TimeZone, "time-zone", "", "their time zone, as Europe/Berlin")
	c.Flags().StringVar(&u.DateFormat, "date-format", "", "how they write dates")
	c.Flags().BoolVar(&u.MustChange, "must-change", false, "refuse the password until it is changed")
}

// apply writes the flags that were given into a person.
func (f *personFlags) apply(c *cobra.Command, u *database.User) {
	given := c.Flags().Changed
	set(&u.Name, f.given.Name, given("name"))
	set(&u.Email, f.given.Email, given("email"))
	set(&u.EmailVerified, f.given.EmailVerified, given("email-verified"))
	set(&u.Groups, f.given.Groups, given("group"))
	set(&u.Roles, f.given.Roles, given("role"))
	set(&u.Units, f.given.Units, given("unit"))
	set(&u.DefaultUnit, f.given.DefaultUnit, given("default-unit"))
	set(&u.UserType, f.given.UserType, given("user-type"))
	set(&u.TimeZone, f.given.TimeZone, given("time-zone"))
	set(&u.DateFormat, f.given.DateFormat, given("date-format"))
	set(&u.MustChange, f.given.MustChange, given("must-change"))
}

func newUserSetCommand(s *site) *cobra.Command {
	var organisation, username string
	var person personFlags
	c := &cobra.Command{
		Use:   "set USERNAME",
		Short: "Change what is known of a person; what is not named stays",
		Args:  cobra.ExactArgs(1),
		RunE: s.onUser(&organisation, func(c *cobra.Command, users *database.Users, user database.User) error {
			name := user.Username
			person.apply(c, &user)
			set(&user.Username, username, c.Flags().Changed("username"))
			if err := users.Update(c.Context(), user); err != nil {
				return hintUser(fmt.Errorf("set user %s: %w", name, err))
			}
			return nil
		}),
	}
	organisationFlag(c, &organisation)
	c.Flags().StringVar(&username, "username", "", "a new user name; the subject stays")
	person.flags(c)
	return c
}

// hintUser says what to do about an error of the users table.
func hintUser(err error) error {
	taken, isTaken := errors.AsType[*database.TakenError](err)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return hint(err, "claimsmith user list shows those there are; name the organisation of one who has one")
	case errors.Is(err, database.ErrAmbiguous):
		return hint(err, "name the organisation with --organisation")
	case isTaken && taken.IsUsername():
		return hint(err, "nobody else in the organisation may log in by it; if it is the same person, "+
			"give them a new password with claimsmith user set-password or other facts with claimsmith user set")
	case isTaken:
		return hint(err, "nobody else in the organisation may log in by it; leave it out here, "+
			"or take it from %s with claimsmith user set --email", taken.Holder.Username)
	}
	return err
}
