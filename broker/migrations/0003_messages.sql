-- The logs. Clustered as they are read: a range of offsets is a range of neighbouring pages. No
-- foreign keys and no other index, for each would cost every append.
CREATE TABLE IF NOT EXISTS messages (
    topic    INT UNSIGNED NOT NULL,
    `offset` BIGINT UNSIGNED NOT NULL,
    producer BIGINT UNSIGNED NOT NULL,
    -- None for a message that was sent without one.
    sequence BIGINT UNSIGNED NULL,
    -- Any Unicode, byte for byte: nothing here compares payloads.
    payload  LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (topic, `offset`)
) ENGINE = InnoDB;
