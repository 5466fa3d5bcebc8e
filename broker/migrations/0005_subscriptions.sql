-- A subscription, the next offset that its consumer gets, and when it was made or last polled, in
-- milliseconds since 1970, to a second.
CREATE TABLE IF NOT EXISTS subscriptions (
    consumer   BIGINT UNSIGNED NOT NULL,
    topic      INT UNSIGNED NOT NULL,
    `position` BIGINT UNSIGNED NOT NULL,
    polled     BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (consumer),
    -- For the least position of a topic, before which messages may be deleted. Without the
    -- position itself, so that moving it touches one row and no index.
    KEY topic (topic)
) ENGINE = InnoDB;
