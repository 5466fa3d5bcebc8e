//! Whether all nodes of a cluster hold the same: each table of a run's database, as each node has it.

use std::collections::BTreeMap;

use super::node::Table;

/// In which tables which nodes differ, a line a table; nothing where all hold the same.
pub(super) fn differences(nodes: &[Vec<Table>]) -> Vec<String> {
    let mut tables: BTreeMap<&str, Vec<Option<&Table>>> = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        for table in node {
            let own = tables.entry(&table.name).or_insert_with(|| vec![None; nodes.len()]);
            own[place] = Some(table);
        }
    }
    let differ = tables.iter().filter(|(_, own)| own.iter().any(|table| *table != own[0]));
    differ.map(|(name, own)| format!("`{name}`: {}", said(own))).collect()
}

/// What each node has of a table: how many rows, or, where all have as many, which rows.
fn said(own: &[Option<&Table>]) -> String {
    let rows = |table: &Option<&Table>| table.map(|table| table.rows);
    let is_by_rows = own.iter().any(|table| rows(table) != rows(&own[0]));
    let nodes = own.iter().enumerate().map(|(place, table)| {
        let has = match table {
            None => "lacks it".to_owned(),
            Some(table) if is_by_rows => match table.rows {
                1 => "has 1 row".to_owned(),
                rows => format!("has {rows} rows"),
            },
            Some(Table { checksum: Some(sum), .. }) => format!("has rows with checksum {sum}"),
            Some(_) => "has rows without a checksum".to_owned(),
        };
        format!("node {} {has}", place + 1)
    });
    nodes.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, rows: i64, checksum: i64) -> Table {
        Table { name: name.to_owned(), rows, checksum: Some(checksum) }
    }

    #[test]
    fn nodes_that_hold_the_same_agree() {
        let node = vec![table("messages", 3, 7), table("topics", 1, 8)];
        assert_eq!(differences(&[node.clone(), node.clone(), node]), [""; 0]);
    }

    #[test]
    fn what_differs_is_named_with_its_nodes() {
        let nodes = [
            vec![table("messages", 3, 7), table("topics", 1, 8)],
            vec![table("messages", 2, 6), table("topics", 1, 8)],
            vec![table("messages", 3, 7)],
        ];
        assert_eq!(
            differences(&nodes),
            [
                "`messages`: node 1 has 3 rows, node 2 has 2 rows, node 3 has 3 rows",
                "`topics`: node 1 has 1 row, node 2 has 1 row, node 3 lacks it",
            ]
        );
        let nodes = [vec![table("messages", 3, 7)], vec![table("messages", 3, 9)]];
        let expected =
            "`messages`: node 1 has rows with checksum 7, node 2 has rows with checksum 9";
        assert_eq!(differences(&nodes), [expected]);
    }
}
