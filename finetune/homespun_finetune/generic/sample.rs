use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub fn new(x: f64, y: f64) -> Self {
        Point { x, y }
    }

    pub fn distance(&self, other: &Point) -> f64 {
        let dx = self.x - other.x;
        let dy = self.y - other.y;
        (dx * dx + dy * dy).sqrt()
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.x, self.y)
    }
}

pub fn count_words(path: &str) -> io::Result<HashMap<String, usize>> {
    let reader = BufReader::new(File::open(path)?);
    let mut counts = HashMap::new();
    for line in reader.lines() {
        for word in line?.split_whitespace() {
            *counts.entry(word.to_lowercase()).or_insert(0) += 1;
        }
    }
    Ok(counts)
}

pub fn binary_search<T: Ord>(items: &[T], wanted: &T) -> Option<usize> {
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match items[middle].cmp(wanted) {
            std::cmp::Ordering::Equal => return Some(middle),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

#[derive(Debug)]
pub enum ParseError {
    Empty,
    Invalid(String),
}

pub fn parse_pair(text: &str) -> Result<(String, i64), ParseError> {
    if text.trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| ParseError::Invalid(text.to_string()))?;
    let value = value
        .trim()
        .parse::<i64>()
        .map_err(|error| ParseError::Invalid(error.to_string()))?;
    Ok((name.trim().to_string(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_of_a_point_to_itself_is_zero() {
        let point = Point::new(1.0, 2.0);
        assert_eq!(point.distance(&point), 0.0);
    }
}
