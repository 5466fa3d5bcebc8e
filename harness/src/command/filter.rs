//! `--filter`: which scenarios are chosen by their names and tags.

use std::fmt;
use std::str::FromStr;

use glob::Pattern;

use crate::scenario::Scenario;

/// What makes a text a glob.
const GLOB: [char; 3] = ['*', '?', '['];

/// In front of a pattern of tags.
const TAG: &str = "tag:";

/// One `--filter`: `fan`, `fan*`, `tag:slow`, and each with `!` in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// As it was written.
    text: String,
    is_negative: bool,
    matches: Matches,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matches {
    /// Names that contain it.
    Part(String),
    Name(Pattern),
    Tag(Pattern),
}

impl Filter {
    /// Whether filters choose a scenario: any of those without `!` does, or there are none, and none of
    /// those with `!` does.
    pub(super) fn choose(filters: &[Self], scenario: &Scenario) -> bool {
        let (negative, positive): (Vec<_>, Vec<_>) =
            filters.iter().partition(|filter| filter.is_negative);
        let any = |filters: &[&Self]| filters.iter().any(|filter| filter.matches(scenario));
        (positive.is_empty() || any(&positive)) && !any(&negative)
    }

    /// Whether it is about tags.
    pub(super) const fn is_of_tags(&self) -> bool {
        matches!(self.matches, Matches::Tag(_))
    }

    /// The part of a name that it looks for, where that is all that it does.
    pub(super) fn part(&self) -> Option<&str> {
        match &self.matches {
            Matches::Part(part) if !self.is_negative => Some(part),
            _ => None,
        }
    }

    fn matches(&self, scenario: &Scenario) -> bool {
        match &self.matches {
            Matches::Part(part) => scenario.name.contains(part),
            Matches::Name(glob) => glob.matches(&scenario.name),
            Matches::Tag(glob) => scenario.tags.iter().any(|tag| glob.matches(tag)),
        }
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('!');
        let (is_negative, pattern) = (rest.is_some(), rest.unwrap_or(text));
        let matches = match pattern.strip_prefix(TAG) {
            Some("") => return Err("a tag is missing behind `tag:`".to_owned()),
            Some(tag) => Matches::Tag(glob(tag)?),
            None if is_negative && pattern.is_empty() => {
                return Err("a pattern is missing behind `!`".to_owned());
            }
            None => match pattern.split_once(':') {
                Some((word, _)) => {
                    return Err(format!(
                        "no name has a `:`, and `{word}:` means nothing; did you mean `tag:`?"
                    ));
                }
                None if pattern.contains(GLOB) => Matches::Name(glob(pattern)?),
                None => Matches::Part(pattern.to_owned()),
            },
        };
        Ok(Self { text: text.to_owned(), is_negative, matches })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn glob(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| {
        let (place, why) = (error.pos + 1, error.msg);
        format!(
            "`{text}` is no glob: {why} (character {place}); `*`, `?` and `[ab]` are understood"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn chosen(filters: &[&str], name: &str, tags: &[&str]) -> bool {
        let filters: Vec<Filter> = filters.iter().map(|text| text.parse().unwrap()).collect();
        let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let mut scenario = plan.scenario;
        scenario.name = name.to_owned();
        scenario.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Filter::choose(&filters, &scenario)
    }

    #[test]
    fn any_filter_chooses_and_any_negative_one_takes_away() {
        let check = |filters: &[&str], expected: bool| {
            assert_eq!(
                chosen(filters, "broker-restart", &["slow", "mysql"]),
                expected,
                "{filters:?}"
            );
        };
        check(&[], true);
        check(&[""], true);
        check(&["restart"], true);
        check(&["stop"], false);
        check(&["restart*"], false);
        check(&["*restart"], true);
        check(&["broker-?estart"], true);
        check(&["[ab]roker*"], true);
        check(&["stop", "*restart"], true);
        check(&["!restart"], false);
        check(&["!stop"], true);
        check(&["broker*", "!tag:mysql"], false);
        check(&["tag:slow"], true);
        check(&["tag:slo"], false);
        check(&["tag:slo*"], true);
        check(&["tag:fast", "tag:my*"], true);
        check(&["!tag:fast"], true);
    }

    #[test]
    fn what_is_no_filter_is_refused_with_what_would_be_one() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<Filter>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("!", "a pattern is missing behind `!`");
        check("tag:", "a tag is missing behind `tag:`");
        check("!tag:", "a tag is missing behind `tag:`");
        check("tags:slow", "`tags:` means nothing; did you mean `tag:`?");
        check("fan[", "`fan[` is no glob: ");
        check("tag:a***", "`a***` is no glob: ");
    }
}
