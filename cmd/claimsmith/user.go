package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func newUserCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "user", Short: "Manage the people of the built-in users table"}
	s.flags(c)
	c.AddCommand(
		newUserAddCommand(s),
		newUserListCommand(s),
		newUserSetCommand(s),
		newUserSetPasswordCommand(s),
		newUserDisableCommand(s),
		newUserEnableCommand(s),
		newUserDeleteCommand(s),
	)
	return c
}

// onUsers makes a command of run, which works on the users table.
func (s *site) onUsers(run func(c *cobra.Command, users *database.Users, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cfg, err := s.load()
		if err != nil {
			return err
		}
		noteUnasked(c, cfg, "database", "the users table")
		users, err := database.OpenUsers(c.Context(), cfg.SQL())
		if err != nil {
			return hintStorage(fmt.Errorf("open users: %w", err))
		}
		defer users.Close()
		if err := users.Migrate(c.Context()); err != nil {
			return hintStorage(fmt.Errorf("migrate users: %w", err))
		}
		return run(c, users, args)
	}
}

// onUser makes a command of run, which works on the one person that its
// argument names.
func (s *site) onUser(organisation *string, run func(c *cobra.Command, users *database.Users, user database.User) error) func(*cobra.Command, []string) error {
	return s.onUsers(func(c *cobra.Command, users *database.Users, args []string) error {
		user, err := users.Find(c.Context(), *organisation, args[0])
		if err != nil {
			return hintUser(fmt.Errorf("user %s: %w", args[0], err))
		}
		return run(c, users, user)
	})
}

func organisationFlag(c *cobra.Command, organisation *string) {
	c.Flags().StringVar(organisation, "organisation", "", "the tenant: one name in two organisations is two people")
}

func newUserAddCommand(s *site) *cobra.Command {
	var user database.User
	var person personFlags
	var fromStdin bool
	c := &cobra.Command{
		Use:   "add USERNAME",
		Short: "Add a person; a password that is made here is shown once",
		Args:  cobra.ExactArgs(1),
		RunE: s.onUsers(func(c *cobra.Command, users *database.Users, args []string) error {
			password, err := newPassword(c, fromStdin)
			if err != nil {
				return err
			}
			user.Username = args[0]
			person.apply(c, &user)
			added, err := users.Add(c.Context(), user, password)
			if err != nil {
				return hintUser(fmt.Errorf("add user %s: %w", user.Username, err))
			}
			fmt.Fprintf(c.OutOrStdout(), "subject   %s\nusername  %s\n", added.ID, added.Username)
			return showPassword(c, password, fromStdin)
		}),
	}
	organisationFlag(c, &user.Organisation)
	person.flags(c)
	stdinFlag(c, &fromStdin)
	return c
}

func newUserListCommand(s *site) *cobra.Command {
	var p printer
	var filter database.UserFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "List people",
		Args:  cobra.NoArgs,
		RunE: s.onUsers(func(c *cobra.Command, users *database.Users, _ []string) error {
			list, err := users.List(c.Context(), filter)
			if err != nil {
				return err
			}
			return print(p, c.OutOrStdout(), "username organisation name email groups units state created", list, func(u database.User) []any {
				return []any{u.Username, u.Organisation, u.Name, u.Email, u.Groups, u.Units, stateOf(u), u.Created}
			})
		}),
	}
	organisationFlag(c, &filter.Organisation)
	p.flag(c)
	return c
}

func stateOf(u database.User) string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.Locked:
		return "locked"
	case u.MustChange:
		return "must change password"
	}
	return "active"
}

func newUserSetPasswordCommand(s *site) *cobra.Command {
	var organisation string
	var fromStdin, mustChange bool
	c := &cobra.Command{
		Use:   "set-password USERNAME",
		Short: "Give a person a new password; one that is made here is shown once",
		Args:  cobra.ExactArgs(1),
		RunE: s.onUser(&organisation, func(c *cobra.Command, users *database.Users, user database.User) error {
			password, err := newPassword(c, fromStdin)
			if err != nil {
				return err
			}
			if err := users.SetPassword(c.Context(), user.ID, password, mustChange); err != nil {
				return err
			}
			return showPassword(c, password, fromStdin)
		}),
	}
	organisationFlag(c, &organisation)
	c.Flags().BoolVar(&mustChange, "must-change", false, "refuse the password until it is changed")
	stdinFlag(c, &fromStdin)
	return c
}

func newUserDisableCommand(s *site) *cobra.Command {
	return newUserChangeCommand(s, "disable", "Keep a person from logging in and from refreshing a login", (*database.Users).Disable)
}

func newUserEnableCommand(s *site) *cobra.Command {
	return newUserChangeCommand(s, "enable", "Undo disable", (*database.Users).Enable)
}

func newUserDeleteCommand(s *site) *cobra.Command {
	return newUserChangeCommand(s, "delete", "Remove a person", (*database.Users).Delete)
}

// newUserChangeCommand makes a command of a change that needs no more than the person.
func newUserChangeCommand(s *site, name, short string, change func(*database.Users, context.Context, string) error) *cobra.Command {
	var organisation string
	c := &cobra.Command{
		Use:   name + " USERNAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: s.onUser(&organisation, func(c *cobra.Command, users *database.Users, user database.User) error {
			return change(users, c.Context(), user.ID)
		}),
	}
	organisationFlag(c, &organisation)
	return c
}

func stdinFlag(c *cobra.Command, fromStdin *bool) {
	c.Flags().BoolVar(fromStdin, "password-stdin", false, "read the password from the first line of standard input")
}

// newPassword reads a password from standard input, or makes one of 120 bits.
func newPassword(c *cobra.Command, fromStdin bool) (sdk.Secret, error) {
	if !fromStdin {
		return sdk.Secret(rand.Text()[:24]), nil
	}
	line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), sdk.MaxSecret+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", errors.New("read password: standard input is empty")
	}
	return sdk.Secret(password), nil
}

func showPassword(c *cobra.Command, password sdk.Secret, fromStdin bool) error {
	if fromStdin {
		return nil
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "password  %s\n\nThe password is not shown again.\n", password.Reveal())
	return err
}
