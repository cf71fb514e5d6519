//! Tables that read well on a terminal and are Markdown.

use crate::measure::Spread;

/// A table of texts.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins with the names of the columns.
    pub fn new<const N: usize>(names: [&str; N]) -> Self {
        Self { rows: vec![names.map(str::to_owned).to_vec()] }
    }

    /// Adds columns whose names are not known beforehand.
    pub fn head(&mut self, names: &[&str]) {
        if let Some(head) = self.rows.first_mut() {
            head.extend(names.iter().map(|name| (*name).to_owned()));
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text: the first column to the left, all others to the right.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| length(row, column)).max().unwrap_or_default())
            .collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let gap = " ".repeat(width - cell.chars().count());
                text += &if column == 0 {
                    format!("| {cell}{gap} ")
                } else {
                    format!("| {gap}{cell} ")
                };
            }
            text += "|\n";
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(*width);
                    text +=
                        &if column == 0 { format!("|-{dashes}-") } else { format!("|-{dashes}:") };
                }
                text += "|\n";
            }
        }
        text
    }
}

/// A spread in two cells: the median, and the tenths around it.
pub fn cells(spread: Spread) -> [String; 2] {
    [format!("{:.2}", spread.median), format!("{:.2}–{:.2}", spread.p10, spread.p90)]
}

fn length(row: &[String], column: usize) -> usize {
    row.get(column).map_or(0, |cell| cell.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["what", "µs"]);
        table.row(vec!["a".into(), "1.50".into()]);
        assert_eq!(table.render(), "| what |   µs |\n|------|-----:|\n| a    | 1.50 |\n");
    }
}
