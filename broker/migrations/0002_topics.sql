-- A topic and the offset that its next message gets. An append locks the row, so a topic has one
-- order, whichever broker appends. Names are ASCII and differ by case.
CREATE TABLE IF NOT EXISTS topics (
    id          INT UNSIGNED NOT NULL,
    name        VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    next_offset BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
) ENGINE = InnoDB;
