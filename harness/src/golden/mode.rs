//! What may be written where a ledger is not the reviewed one: what insta's own settings say.

/// What `INSTA_UPDATE` and `CI` ask for. `INSTA_FORCE_PASS` has no part in it: a difference is a
/// failure whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `new`, and `auto` outside of CI: what is not reviewed becomes a pending file.
    Pending,
    /// `no`, and `auto` in CI: nothing is written.
    Nothing,
    /// `unseen`: a first golden is accepted unseen, a changed one is pending.
    Unseen,
    /// `always`: whatever comes is accepted.
    Always,
    /// `force`: as `always`, and a golden that matches is written anew all the same.
    Force,
}

/// What to do about one golden file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    Propose,
    Leave,
}

impl Mode {
    /// Reads the environment through `variable`, which answers a variable's value if it is set.
    ///
    /// # Errors
    /// A value of `INSTA_UPDATE` that insta does not know, in words for people.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        match variable("INSTA_UPDATE").unwrap_or_default().as_str() {
            "" | "auto" if is_ci(&variable) => Ok(Self::Nothing),
            "" | "auto" | "new" => Ok(Self::Pending),
            "no" => Ok(Self::Nothing),
            "unseen" => Ok(Self::Unseen),
            "always" | "1" => Ok(Self::Always),
            "force" => Ok(Self::Force),
            other => Err(format!(
                "INSTA_UPDATE is `{other}`; it may be auto, new, always, unseen, no or force"
            )),
        }
    }

    /// What to do where the accepted file is missing (`unseen`) or differs.
    pub(super) const fn action(self, unseen: bool) -> Action {
        match self {
            Self::Nothing => Action::Leave,
            Self::Always | Self::Force => Action::Accept,
            Self::Unseen if unseen => Action::Accept,
            Self::Unseen | Self::Pending => Action::Propose,
        }
    }
}

/// Whether this is a CI machine, by insta's rule: `CI` is set to something else than nothing, `0`
/// and `false`, or it is not set and `TF_BUILD` is.
pub fn is_ci(variable: &impl Fn(&str) -> Option<String>) -> bool {
    match variable("CI") {
        Some(value) => !matches!(value.as_str(), "" | "0" | "false"),
        None => variable("TF_BUILD").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Mode) {
        let read = |name: &str| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(Mode::from_environment(read), Ok(expected), "{variables:?}");
    }

    #[test]
    fn the_variables_mean_what_they_mean_to_insta() {
        check(&[], Mode::Pending);
        check(&[("CI", "true")], Mode::Nothing);
        check(&[("CI", "1"), ("INSTA_UPDATE", "auto")], Mode::Nothing);
        for off in ["", "0", "false"] {
            check(&[("CI", off)], Mode::Pending);
        }
        check(&[("TF_BUILD", "True")], Mode::Nothing);
        check(&[("CI", "false"), ("TF_BUILD", "True")], Mode::Pending);
        check(&[("CI", "true"), ("INSTA_UPDATE", "new")], Mode::Pending);
        check(&[("INSTA_UPDATE", "no")], Mode::Nothing);
        check(&[("INSTA_UPDATE", "unseen")], Mode::Unseen);
        check(&[("INSTA_UPDATE", "always")], Mode::Always);
        check(&[("INSTA_UPDATE", "1")], Mode::Always);
        check(&[("INSTA_UPDATE", "force")], Mode::Force);
    }

    #[test]
    fn forcing_insta_to_pass_changes_nothing() {
        check(&[("INSTA_FORCE_PASS", "1")], Mode::Pending);
        check(&[("INSTA_FORCE_PASS", "1"), ("CI", "true")], Mode::Nothing);
    }

    #[test]
    fn an_unknown_value_is_an_error_that_lists_the_known_ones() {
        let error = Mode::from_environment(|name| (name == "INSTA_UPDATE").then(|| "yes".into()));
        assert_eq!(
            error.unwrap_err(),
            "INSTA_UPDATE is `yes`; it may be auto, new, always, unseen, no or force"
        );
    }
}
