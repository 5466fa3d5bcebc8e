-- A row a broker, written to prove that what it has read is on disk: InnoDB shows a commit to
-- others before its redo log is flushed, but flushes in order. So a commit of one's own, begun
-- after the read, comes back only when what was read is durable too.
CREATE TABLE IF NOT EXISTS heartbeats (
    broker BIGINT UNSIGNED NOT NULL,
    beats  BIGINT UNSIGNED NOT NULL DEFAULT 0,
    beaten BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (broker)
) ENGINE = InnoDB;
