//! TOML as a source of settings.

use figment::providers::Format;
use serde::de::DeserializeOwned;

/// figment's own one would be a second TOML parser, of an old version, and some ten seconds of every first build.
pub(crate) struct TomlText;

impl Format for TomlText {
    type Error = toml::de::Error;

    const NAME: &'static str = "TOML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        toml::from_str(text)
    }
}
