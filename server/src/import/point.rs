//! Coordinates of a row: from a geometry, or from fields.

use command_api::GivenPoint;
use serde::Deserialize;
use serde_json::Value;

use super::fields::Fields;
use super::finding::Finding;
use super::mapping::PointRule;

/// The geometry of a feature.
#[derive(Debug, Deserialize)]
pub(super) struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinates: Value,
}

/// Coordinates are optional: what is wrong with them is warned about, and the business goes without.
pub(super) fn point_of_geometry(geometry: Option<Geometry>, warnings: &mut Vec<Finding>) -> Option<GivenPoint> {
    let Some(geometry) = geometry else {
        warnings.push(Finding::new("/point", "no_geometry", "the feature has no geometry"));
        return None;
    };
    let number = |i: usize| geometry.coordinates.get(i).and_then(Value::as_f64);
    let (Some(lon), Some(lat)) = (number(0), number(1)) else {
        warnings.push(Finding::new("/point", "not_a_point", format!("a {} is not a point", geometry.kind)));
        return None;
    };
    on_earth(lat, lon, warnings)
}

/// A row without coordinates has none; that is not worth a warning.
pub(super) fn point_of_fields(rule: &PointRule, fields: &Fields, warnings: &mut Vec<Finding>) -> Option<GivenPoint> {
    let (lat, lon) = match (fields.text(&rule.latitude), fields.text(&rule.longitude)) {
        (None, None) => return None,
        (lat, lon) => (lat.unwrap_or_default(), lon.unwrap_or_default()),
    };
    match (lat.parse(), lon.parse()) {
        // What is unknown is often written as zero, and no business lies there: it is in the sea.
        (Ok(0.0), Ok(0.0)) => {
            warnings.push(Finding::new("/point", "zero", "0, 0 stands for coordinates that are not known"));
            None
        }
        (Ok(lat), Ok(lon)) => on_earth(lat, lon, warnings),
        _ => {
            warnings.push(Finding::new("/point", "not_a_number", format!("{lat:?}, {lon:?} are not coordinates")));
            None
        }
    }
}

fn on_earth(lat: f64, lon: f64, warnings: &mut Vec<Finding>) -> Option<GivenPoint> {
    // NaN is within nothing.
    if (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) {
        return Some(GivenPoint { lat, lon });
    }
    warnings.push(Finding::new("/point", "out_of_range", format!("{lat}, {lon} is not on the earth")));
    None
}
