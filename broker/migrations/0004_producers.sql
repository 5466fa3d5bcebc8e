-- A producer, the next sequence that is taken from it, and where its last numbered request went:
-- the sequences from last_first to before next_sequence, at last_offset and after.
CREATE TABLE IF NOT EXISTS producers (
    id            BIGINT UNSIGNED NOT NULL,
    topic         INT UNSIGNED NOT NULL,
    next_sequence BIGINT UNSIGNED NOT NULL DEFAULT 0,
    last_first    BIGINT UNSIGNED NULL,
    last_offset   BIGINT UNSIGNED NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
