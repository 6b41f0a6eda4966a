-- The curves of a well in one row. A plate of 96 wells brings some 600 curves: a row for each took the server a tenth of the whole way from
-- message to result, most of it for the key of five columns and for asking 600 times whether the run exists. And room in the pages of orders.

-- +goose Up

CREATE TABLE well_curves ( -- curve n is that of targets[n], dyes[n] and kinds[n]
    run_id  bigint NOT NULL REFERENCES runs,
    well    text NOT NULL,
    targets text[] NOT NULL,
    dyes    text[] NOT NULL,
    kinds   text[] NOT NULL CHECK (kinds <@ ARRAY['raw','rn','drn']),
    firsts  smallint[] NOT NULL, -- its first cycle
    ends    integer[] NOT NULL,  -- where in y its values end; they begin behind those of the curve before
    y       real[] NOT NULL,
    PRIMARY KEY (run_id, well),
    CHECK (cardinality(kinds) > 0 AND cardinality(targets) = cardinality(kinds) AND cardinality(dyes) = cardinality(kinds)
        AND cardinality(firsts) = cardinality(kinds) AND cardinality(ends) = cardinality(kinds) AND ends[cardinality(ends)] = cardinality(y))
);

INSERT INTO well_curves (run_id, well, targets, dyes, kinds, firsts, ends, y)
SELECT run_id, well, array_agg(target ORDER BY target, dye, kind), array_agg(dye ORDER BY target, dye, kind), array_agg(kind ORDER BY target, dye, kind),
    array_agg(first ORDER BY target, dye, kind), array_agg(stop ORDER BY target, dye, kind),
    ARRAY(SELECT v.value FROM curves o CROSS JOIN unnest(o.y) WITH ORDINALITY AS v (value, at)
        WHERE o.run_id = c.run_id AND o.well = c.well ORDER BY o.target, o.dye, o.kind, v.at)
FROM (SELECT run_id, well, target, dye, kind, first,
        sum(cardinality(y)) OVER (PARTITION BY run_id, well ORDER BY target, dye, kind)::integer AS stop FROM curves) AS c
GROUP BY run_id, well;

DROP TABLE curves; -- every one of them is in well_curves

-- An order changes five times and more on its way. Most of these changes touch no index: with room on its page the new row needs no
-- entry in the nine indexes of orders.
ALTER TABLE orders SET (fillfactor = 70);
